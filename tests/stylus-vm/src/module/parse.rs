//! Reads a module under the feature set of section 1.4.

use std::collections::BTreeMap;

use wasm_encoder::SectionId;
use wasmparser::{
    CustomSectionReader, Data, Element, Export, FuncType, FunctionBody, Global, Import, KnownCustom, MemoryType, Name,
    Naming, Parser, Payload, TableType, TypeRef, Validator, WasmFeatures,
};

use super::ActivationError;

/// A module that satisfies the WebAssembly specification restricted to the accepted features.
pub(super) struct Parsed<'a> {
    /// The whole module.
    pub(super) wasm: &'a [u8],
    /// All function types.
    pub(super) types: Vec<FuncType>,
    /// All imports.
    pub(super) imports: Vec<Import<'a>>,
    /// Type of each local function.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Vec<TableType>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<Global<'a>>,
    pub(super) exports: Vec<Export<'a>>,
    pub(super) has_start: bool,
    pub(super) elements: Vec<Element<'a>>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    pub(super) data: Vec<Data<'a>>,
    /// From the `name` section.
    pub(super) module_name: Option<&'a str>,
    /// Contents of the sections that instrumentation copies.
    raw: BTreeMap<u8, &'a [u8]>,
}

impl<'a> Parsed<'a> {
    /// Validates and reads `wasm`.
    pub(super) fn new(wasm: &'a [u8], multi_value: bool) -> Result<Self, ActivationError> {
        let features = features(multi_value);
        Validator::new_with_features(features).validate_all(wasm)?;
        let mut parsed = Self::empty(wasm);
        let mut parser = Parser::new(0);
        parser.set_features(features);
        for payload in parser.parse_all(wasm) {
            parsed.read(payload?)?;
        }
        Ok(parsed)
    }

    fn empty(wasm: &'a [u8]) -> Self {
        Self {
            wasm,
            types: Vec::new(),
            imports: Vec::new(),
            functions: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            exports: Vec::new(),
            has_start: false,
            elements: Vec::new(),
            bodies: Vec::new(),
            data: Vec::new(),
            module_name: None,
            raw: BTreeMap::new(),
        }
    }

    fn read(&mut self, payload: Payload<'a>) -> Result<(), ActivationError> {
        if let Some((id, range)) = payload.as_section() {
            let contents = &self.wasm[range];
            self.raw.insert(id, contents);
        }
        match payload {
            Payload::TypeSection(types) => {
                self.types = types.into_iter_err_on_gc_types().collect::<Result<_, _>>()?;
            }
            Payload::ImportSection(imports) => {
                self.imports = imports.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::FunctionSection(section) => self.functions = collect(section)?,
            Payload::TableSection(tables) => {
                for table in tables {
                    self.tables.push(table?.ty);
                }
            }
            Payload::MemorySection(section) => self.memories = collect(section)?,
            Payload::GlobalSection(section) => self.globals = collect(section)?,
            Payload::ExportSection(section) => self.exports = collect(section)?,
            Payload::StartSection { .. } => self.has_start = true,
            Payload::ElementSection(section) => self.elements = collect(section)?,
            Payload::DataSection(section) => self.data = collect(section)?,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::CustomSection(section) => self.read_name(&section)?,
            Payload::Version { .. } | Payload::CodeSectionStart { .. } | Payload::End(_) => {}
            other => {
                let text = format!("unsupported section: {}", describe(&other));
                return Err(ActivationError::invalid(text));
            }
        }
        Ok(())
    }

    /// Custom sections are ignored, except that the names of module and functions in a `name` section must be well
    /// formed. Other names are not looked into.
    fn read_name(&mut self, section: &CustomSectionReader<'a>) -> Result<(), ActivationError> {
        let KnownCustom::Name(names) = section.as_known() else {
            return Ok(());
        };
        for subsection in names {
            match subsection? {
                Name::Module { name, .. } => self.module_name = Some(name),
                Name::Function(functions) => {
                    functions.into_iter().collect::<Result<Vec<Naming<'_>>, _>>()?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The type of a function by its index, imported or local.
    pub(super) fn function_type(&self, index: u32) -> &FuncType {
        let index = index as usize;
        let type_index = match self.imports.get(index).map(|import| import.ty) {
            Some(TypeRef::Func(type_index)) => type_index,
            Some(other) => unreachable!("imports are functions, found {other:?}"),
            None => self.functions[index - self.imports.len()],
        };
        &self.types[type_index as usize]
    }

    /// Types of the local functions.
    pub(super) fn local_types(&self) -> impl Iterator<Item = &FuncType> {
        self.functions.iter().map(|index| &self.types[*index as usize])
    }

    /// Contents of a section, as deployed.
    pub(super) fn section(&self, id: SectionId) -> Option<&'a [u8]> {
        self.raw.get(&u8::from(id)).copied()
    }
}

fn collect<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
) -> Result<Vec<T>, wasmparser::BinaryReaderError> {
    section.into_iter().collect()
}

/// What is accepted (1.4). Starts from nothing: the parser's own defaults are wider.
pub(super) fn features(multi_value: bool) -> WasmFeatures {
    let mut features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::FLOATS
        | WasmFeatures::GC_TYPES;
    features.set(WasmFeatures::MULTI_VALUE, multi_value);
    features
}

fn describe(payload: &Payload) -> String {
    match payload {
        Payload::DataCountSection { .. } => "data count".into(),
        Payload::TagSection(_) => "tag".into(),
        Payload::UnknownSection { id, .. } => format!("id {id}"),
        _ => "component".into(),
    }
}

//! Writes the instrumented module. Sections that did not change are copied byte for byte; custom sections go.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, FunctionSection, GlobalSection, GlobalType, MemorySection,
    MemoryType, Module, RawSection, SectionId,
};
use wasmparser::{Export, ExternalKind, TypeRef, ValType};

use super::ActivationError;
use super::instrument::{Function, Globals};
use super::parse::Parsed;

/// Growth by this many pages would pass the host interface, which sees 16 bits, as growth by none. No memory can
/// grow so far once its maximum is below it; no program can pay for it in any other way.
const UNGROWABLE_PAGES: u64 = 65_536;

pub(super) fn module(
    parsed: &Parsed,
    globals: &Globals,
    exports: &[&Export],
    functions: Vec<Function>,
) -> Result<Vec<u8>, ActivationError> {
    let detour = Detour::of(parsed, exports);
    let mut module = Module::new();
    copy(&mut module, parsed, SectionId::Type);
    copy(&mut module, parsed, SectionId::Import);
    function_section(&mut module, parsed, detour.as_ref());
    copy(&mut module, parsed, SectionId::Table);
    memory(&mut module, parsed);
    module.section(&global_section(parsed, globals)?);
    module.section(&export_section(exports, globals, detour.as_ref())?);
    copy(&mut module, parsed, SectionId::Element);
    module.section(&code_section(functions, detour.as_ref())?);
    copy(&mut module, parsed, SectionId::Data);
    let wasm = module.finish();
    debug_assert!(
        wasmparser::Validator::new_with_features(super::parse::features(true)).validate_all(&wasm).is_ok(),
        "instrumentation keeps modules valid"
    );
    Ok(wasm)
}

/// Stands before an entry point that is an import: the engine suspends only what a function of the module calls. Not being
/// the program's, it is neither metered nor counted.
struct Detour {
    index: u32,
    import: u32,
    type_index: u32,
}

impl Detour {
    fn of(parsed: &Parsed, exports: &[&Export]) -> Option<Self> {
        let entry = exports.iter().find(|export| export.kind == ExternalKind::Func)?;
        match parsed.imports.get(entry.index as usize)?.ty {
            TypeRef::Func(type_index) => {
                let index = (parsed.imports.len() + parsed.bodies.len()) as u32;
                Some(Self { index, import: entry.index, type_index })
            }
            _ => None,
        }
    }

    fn body(&self) -> wasm_encoder::Function {
        let mut body = wasm_encoder::Function::new([]);
        body.instructions().local_get(0).call(self.import).end();
        body
    }
}

fn function_section(module: &mut Module, parsed: &Parsed, detour: Option<&Detour>) {
    let Some(detour) = detour else {
        return copy(module, parsed, SectionId::Function);
    };
    let mut section = FunctionSection::new();
    for type_index in parsed.functions.iter().chain([&detour.type_index]) {
        section.function(*type_index);
    }
    module.section(&section);
}

fn copy(module: &mut Module, parsed: &Parsed, id: SectionId) {
    if let Some(data) = parsed.section(id) {
        module.section(&RawSection { id: id.into(), data });
    }
}

fn memory(module: &mut Module, parsed: &Parsed) {
    let memory = parsed.memories[0];
    if memory.maximum.is_some_and(|maximum| maximum < UNGROWABLE_PAGES) {
        return copy(module, parsed, SectionId::Memory);
    }
    let mut section = MemorySection::new();
    section.memory(MemoryType {
        minimum: memory.initial,
        maximum: Some(UNGROWABLE_PAGES - 1),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    module.section(&section);
}

fn global_section(parsed: &Parsed, globals: &Globals) -> Result<GlobalSection, ActivationError> {
    let mut section = GlobalSection::new();
    for global in &parsed.globals {
        let ty = RoundtripReencoder.global_type(global.ty).map_err(failed)?;
        let init = RoundtripReencoder.const_expr(global.init_expr.clone()).map_err(failed)?;
        section.global(ty, &init);
    }
    for (_, ty, _) in globals.list() {
        let (val_type, init) = match ty {
            ValType::I64 => (wasm_encoder::ValType::I64, ConstExpr::i64_const(0)),
            _ => (wasm_encoder::ValType::I32, ConstExpr::i32_const(0)),
        };
        section.global(GlobalType { val_type, mutable: true, shared: false }, &init);
    }
    Ok(section)
}

fn export_section(
    exports: &[&Export],
    globals: &Globals,
    detour: Option<&Detour>,
) -> Result<ExportSection, ActivationError> {
    let mut section = ExportSection::new();
    for export in exports {
        let kind = RoundtripReencoder.export_kind(export.kind).map_err(failed)?;
        let index = match detour {
            Some(detour) if export.kind == ExternalKind::Func => detour.index,
            _ => export.index,
        };
        section.export(export.name, kind, index);
    }
    for (index, _, name) in globals.list() {
        section.export(name, ExportKind::Global, index);
    }
    Ok(section)
}

fn code_section(functions: Vec<Function>, detour: Option<&Detour>) -> Result<CodeSection, ActivationError> {
    let mut section = CodeSection::new();
    for function in functions {
        let mut locals = Vec::with_capacity(function.locals.len());
        for (count, ty) in function.locals {
            locals.push((count, RoundtripReencoder.val_type(ty).map_err(failed)?));
        }
        let mut body = wasm_encoder::Function::new(locals);
        for operator in function.operators {
            body.instruction(&RoundtripReencoder.instruction(operator).map_err(failed)?);
        }
        section.function(&body);
    }
    if let Some(detour) = detour {
        section.function(&detour.body());
    }
    Ok(section)
}

/// Cannot happen to a validated module; an error is kinder than a panic if it does.
fn failed(error: wasm_encoder::reencode::Error) -> ActivationError {
    ActivationError::invalid(format!("cannot instrument: {error}"))
}

//! Solidity interfaces, read into JSON ABIs.
//!
//! The parser is the one behind `sol!`, so contracts, host and JSON agree on what a file says.

use std::{collections::BTreeMap, fs, path::Path};

use alloy_json_abi::{Constructor, Error, Event, EventParam, Function, InternalType, JsonAbi, Param, StateMutability};
use anyhow::{Context, Result, anyhow, bail};
use syn_solidity::{FunctionAttributes, Item, ItemContract, ItemFunction, Mutability, ParameterList, SolPath, Type};

/// Name under which an interface states the constructor: Solidity's interfaces cannot.
const CONSTRUCTOR: &str = "stylus_constructor";

/// All interfaces of a folder. Types and bases are found across its files, by name.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    /// Names of the interfaces in each file, by the file's stem.
    files: BTreeMap<String, Vec<String>>,
    interfaces: BTreeMap<String, ItemContract>,
}

impl Interfaces {
    /// Reads every `.sol` file of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut all = Self::default();
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "sol") {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let text = fs::read_to_string(&path)?;
                all.add(&stem, &text).with_context(|| path.display().to_string())?;
            }
        }
        Ok(all)
    }

    /// Adds the interfaces of one text.
    pub(crate) fn add(&mut self, file: &str, text: &str) -> Result<()> {
        let tokens = without_comments(text)
            .parse::<proc_macro2::TokenStream>()
            .map_err(|error| anyhow!("line {}: {error}", error.span().start().line))?;
        let parsed =
            syn_solidity::parse2(tokens).map_err(|error| anyhow!("line {}: {error}", error.span().start().line))?;
        for item in parsed.items {
            let Item::Contract(interface) = item else { continue };
            let name = interface.name.to_string();
            self.files.entry(file.to_owned()).or_default().push(name.clone());
            if self.interfaces.insert(name.clone(), interface).is_some() {
                bail!("interface {name} is declared twice");
            }
        }
        Ok(())
    }

    /// Names of the files, without their ending.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// What a file declares or inherits, as one ABI.
    pub(crate) fn abi(&self, file: &str) -> Result<JsonAbi> {
        let mut abi = JsonAbi::new();
        for name in self.files.get(file).into_iter().flatten() {
            for interface in self.lineage(name)? {
                self.declare(interface, &mut abi).with_context(|| format!("interface {}", interface.name))?;
            }
        }
        Ok(abi)
    }

    /// An interface and its bases, each once.
    fn lineage(&self, name: &str) -> Result<Vec<&ItemContract>> {
        let interface = self.interfaces.get(name).with_context(|| format!("there is no interface {name}"))?;
        let mut lineage = vec![interface];
        for base in interface.inheritance.iter().flat_map(|bases| &bases.inheritance) {
            for ancestor in self.lineage(&base.name.last().to_string())? {
                if !lineage.iter().any(|known| known.name == ancestor.name) {
                    lineage.push(ancestor);
                }
            }
        }
        Ok(lineage)
    }

    fn declare(&self, interface: &ItemContract, abi: &mut JsonAbi) -> Result<()> {
        for item in &interface.body {
            match item {
                Item::Function(function) => self.declare_function(interface, function, abi)?,
                Item::Event(event) => {
                    let name = event.name.to_string();
                    let inputs = event
                        .parameters
                        .iter()
                        .map(|parameter| {
                            let name = parameter.name.as_ref().map(ToString::to_string);
                            let param = self.param(interface, &parameter.ty, name)?;
                            Ok(event_param(param, parameter.indexed.is_some()))
                        })
                        .collect::<Result<_>>()?;
                    let anonymous = event.anonymous.is_some();
                    abi.events.entry(name.clone()).or_default().push(Event { name, inputs, anonymous });
                }
                Item::Error(error) => {
                    let name = error.name.to_string();
                    let inputs = self.params(interface, &error.parameters)?;
                    abi.errors.entry(name.clone()).or_default().push(Error { name, inputs });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn declare_function(&self, interface: &ItemContract, function: &ItemFunction, abi: &mut JsonAbi) -> Result<()> {
        let inputs = self.params(interface, &function.parameters)?;
        let state_mutability = mutability(&function.attributes);
        let Some(name) = &function.name else {
            if function.kind.is_constructor() {
                abi.constructor = Some(Constructor { inputs, state_mutability });
            }
            return Ok(());
        };
        let name = name.to_string();
        if name == CONSTRUCTOR {
            abi.constructor = Some(Constructor { inputs, state_mutability });
            return Ok(());
        }
        let outputs = match &function.returns {
            Some(returns) => self.params(interface, &returns.returns)?,
            None => Vec::new(),
        };
        abi.functions.entry(name.clone()).or_default().push(Function { name, inputs, outputs, state_mutability });
        Ok(())
    }

    fn params(&self, interface: &ItemContract, list: &ParameterList) -> Result<Vec<Param>> {
        list.iter()
            .map(|variable| {
                let name = variable.name.as_ref().map(ToString::to_string);
                self.param(interface, &variable.ty, name)
            })
            .collect()
    }

    fn param(&self, interface: &ItemContract, ty: &Type, name: Option<String>) -> Result<Param> {
        let name = name.unwrap_or_default();
        let simple = |ty: String| Param {
            name: name.clone(),
            internal_type: Some(InternalType::Other { contract: None, ty: ty.clone() }),
            ty,
            components: Vec::new(),
        };
        match ty {
            Type::Array(array) => {
                let suffix = match (&array.size, array.size()) {
                    (None, _) => "[]".to_owned(),
                    (Some(_), Some(size)) => format!("[{size}]"),
                    (Some(_), None) => bail!("the length of {array} is not a plain number"),
                };
                let mut param = self.param(interface, &array.ty, Some(name))?;
                param.ty += &suffix;
                param.internal_type = param.internal_type.map(|ty| with_suffix(ty, &suffix));
                Ok(param)
            }
            Type::Tuple(tuple) => Ok(Param {
                components: tuple.types.iter().map(|ty| self.param(interface, ty, None)).collect::<Result<_>>()?,
                ..simple("tuple".to_owned())
            }),
            Type::Custom(path) => self.custom(interface, path, &name),
            Type::Address(_, Some(_)) => Ok(Param {
                internal_type: Some(InternalType::AddressPayable("address payable".into())),
                ..simple("address".into())
            }),
            Type::Function(_) | Type::Mapping(_) => bail!("{ty} is not a type of an interface"),
            plain => Ok(simple(plain.to_string())),
        }
    }

    /// A type with a name: a struct, an enumeration, a value type or an interface.
    fn custom(&self, interface: &ItemContract, path: &SolPath, name: &str) -> Result<Param> {
        let ty = path.last().to_string();
        let scopes = match path.iter().count() {
            1 => self.lineage(&interface.name.to_string()).unwrap_or_else(|_| vec![interface]),
            _ => self.lineage(&path.first().to_string())?,
        };
        for scope in scopes {
            for item in &scope.body {
                let contract = Some(scope.name.to_string());
                match item {
                    Item::Struct(found) if found.name == ty => {
                        let fields = found.fields.iter();
                        return Ok(Param {
                            name: name.to_owned(),
                            ty: "tuple".to_owned(),
                            internal_type: Some(InternalType::Struct { contract, ty }),
                            components: fields
                                .map(|field| {
                                    let name = field.name.as_ref().map(ToString::to_string);
                                    self.param(scope, &field.ty, name)
                                })
                                .collect::<Result<_>>()?,
                        });
                    }
                    Item::Enum(found) if found.name == ty => {
                        return Ok(Param {
                            name: name.to_owned(),
                            ty: "uint8".to_owned(),
                            internal_type: Some(InternalType::Enum { contract, ty }),
                            components: Vec::new(),
                        });
                    }
                    Item::Udt(found) if found.name == ty => {
                        return Ok(Param {
                            internal_type: Some(InternalType::Other { contract, ty }),
                            ..self.param(scope, &found.ty, Some(name.to_owned()))?
                        });
                    }
                    _ => {}
                }
            }
        }
        if self.interfaces.contains_key(&ty) {
            return Ok(Param {
                name: name.to_owned(),
                ty: "address".to_owned(),
                internal_type: Some(InternalType::Contract(ty)),
                components: Vec::new(),
            });
        }
        bail!("there is no type {path}")
    }
}

fn event_param(param: Param, indexed: bool) -> EventParam {
    let Param { ty, name, components, internal_type } = param;
    EventParam { ty, name, indexed, components, internal_type }
}

fn with_suffix(ty: InternalType, suffix: &str) -> InternalType {
    match ty {
        InternalType::AddressPayable(ty) => InternalType::AddressPayable(ty + suffix),
        InternalType::Contract(ty) => InternalType::Contract(ty + suffix),
        InternalType::Enum { contract, ty } => InternalType::Enum { contract, ty: ty + suffix },
        InternalType::Struct { contract, ty } => InternalType::Struct { contract, ty: ty + suffix },
        InternalType::Other { contract, ty } => InternalType::Other { contract, ty: ty + suffix },
    }
}

fn mutability(attributes: &FunctionAttributes) -> StateMutability {
    match attributes.mutability() {
        Some(Mutability::Pure(_)) => StateMutability::Pure,
        Some(Mutability::View(_) | Mutability::Constant(_)) => StateMutability::View,
        Some(Mutability::Payable(_)) => StateMutability::Payable,
        None => StateMutability::NonPayable,
    }
}

/// The text with its comments blanked, line breaks kept: they may stand where the parser wants no attribute.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (kept, len) = if rest.starts_with("//") {
            ("", rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            ("", rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else if next == '"' {
            let len = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
            (&rest[..len], len)
        } else {
            (&rest[..next.len_utf8()], next.len_utf8())
        };
        out.push_str(kept);
        if kept.is_empty() {
            out.extend(rest[..len].chars().filter(|&character| character == '\n'));
        }
        rest = &rest[len..];
    }
    out
}

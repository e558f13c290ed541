//! Structure of a program: sections 1.5 and, for imports, 1.6.

use std::collections::{HashMap, HashSet};

use wasmparser::{
    ConstExpr, DataKind, ElementItems, ElementKind, Export, ExternalKind, FuncType, Operator, TypeRef, ValType,
};

use super::parse::Parsed;
use super::{ActivationError, Rules, STYLUS_NEWEST};
use crate::{ARBOS_CHARGING_FIXES, abi};

/// Imports, ArbOS 32 and later.
const MAX_IMPORTS: usize = 513;
const PAGE_BYTES: u64 = 65_536;
/// Names that belong to the instrumentation begin with this.
const RESERVED_PREFIX: &str = "stylus";

pub(crate) const ENTRY_POINT: &str = "user_entrypoint";
pub(crate) const MEMORY: &str = "memory";

/// Whether these rules can judge `wasm` at all.
pub(super) fn check_versions(wasm: &[u8], rules: &Rules) -> Result<(), ActivationError> {
    if !(1..=STYLUS_NEWEST).contains(&rules.stylus_version) {
        return refuse(format!("unknown Stylus version {}", rules.stylus_version));
    }
    if wasm.len() > rules.max_wasm_size as usize {
        return refuse(format!("program exceeds {} bytes", rules.max_wasm_size));
    }
    Ok(())
}

/// All structural rules of section 1.5, and the number of imports.
pub(super) fn check(parsed: &Parsed, rules: &Rules) -> Result<(), ActivationError> {
    if parsed.has_start && !rules.debug {
        return refuse("start functions are not allowed");
    }
    check_imports(parsed, rules)?;
    check_exports(parsed)?;
    check_globals(parsed)?;
    check_tables(parsed)?;
    check_memory(parsed)?;
    check_entry_point(parsed)?;
    check_elements(parsed)?;
    check_data(parsed)
}

fn check_imports(parsed: &Parsed, rules: &Rules) -> Result<(), ActivationError> {
    let mut seen: HashMap<(&str, &str), u32> = HashMap::new();
    for import in &parsed.imports {
        let full = format!("{}.{}", import.module, import.name);
        let TypeRef::Func(type_index) = import.ty else {
            return refuse(format!("import {full} is not a function"));
        };
        let found = &parsed.types[type_index as usize];
        if import.name.starts_with(RESERVED_PREFIX) {
            return refuse(format!("import {full} has a reserved name"));
        }
        // By index: two equal types are two signatures as well.
        if seen.insert((import.module, import.name), type_index).is_some_and(|first| first != type_index) {
            return refuse(format!("import {full} has two signatures"));
        }
        check_signature(&full, import.module, import.name, found, rules)?;
    }
    if rules.arbos_version >= ARBOS_CHARGING_FIXES && parsed.imports.len() > MAX_IMPORTS {
        return refuse(format!("{} imports, the limit is {MAX_IMPORTS}", parsed.imports.len()));
    }
    Ok(())
}

fn check_signature(
    full: &str,
    module: &str,
    name: &str,
    found: &FuncType,
    rules: &Rules,
) -> Result<(), ActivationError> {
    let Some((_, params, results)) = abi::lookup(module, name, rules.debug) else {
        return refuse(format!("no such host function: {full}"));
    };
    let expected = FuncType::new(abi::types(params), abi::types(results));
    if *found != expected {
        return refuse(format!("import {full} has type {found:?}, expected {expected:?}"));
    }
    Ok(())
}

/// Name hygiene: nothing may pass for an import or for a part of the instrumentation. Of an export's name only what
/// follows the last `__` counts.
fn check_exports(parsed: &Parsed) -> Result<(), ActivationError> {
    let imported: HashSet<&str> = parsed.imports.iter().map(|import| import.name).collect();
    for Export { name, .. } in &parsed.exports {
        let last_part = name.rsplit("__").next().unwrap_or(name);
        if imported.contains(last_part) {
            return refuse(format!("export {name} carries the name of an import"));
        }
        if last_part.starts_with(RESERVED_PREFIX) {
            return refuse(format!("export {name} has a reserved name"));
        }
    }
    Ok(())
}

fn check_globals(parsed: &Parsed) -> Result<(), ActivationError> {
    for global in &parsed.globals {
        if constant(&global.init_expr)?.is_none() {
            return refuse("a global initialiser is not one constant instruction");
        }
    }
    Ok(())
}

fn check_tables(parsed: &Parsed) -> Result<(), ActivationError> {
    match parsed.tables.iter().all(|table| table.element_type.is_func_ref()) {
        true => Ok(()),
        false => refuse("a table does not hold functions"),
    }
}

fn check_memory(parsed: &Parsed) -> Result<(), ActivationError> {
    let [memory] = parsed.memories[..] else {
        return refuse(format!("{} memories, need exactly one", parsed.memories.len()));
    };
    if !parsed.exports.iter().any(is_memory_export) {
        return refuse("the memory must be exported as `memory`");
    }
    if memory.maximum != Some(memory.initial) && grow_hook(parsed).is_none() {
        // Deployment tools look for this name in the message.
        return refuse("the memory can grow, so the program must import vm_hooks.pay_for_memory_grow");
    }
    Ok(())
}

fn check_entry_point(parsed: &Parsed) -> Result<(), ActivationError> {
    let Some(entry) = parsed.exports.iter().find(|export| is_entry_point(export)) else {
        return refuse("missing export: function `user_entrypoint`");
    };
    let found = parsed.function_type(entry.index);
    if *found != FuncType::new([ValType::I32], [ValType::I32]) {
        return refuse(format!("`user_entrypoint` has type {found:?}, expected (i32) -> (i32)"));
    }
    Ok(())
}

fn check_elements(parsed: &Parsed) -> Result<(), ActivationError> {
    for element in &parsed.elements {
        let ElementItems::Functions(items) = &element.items else {
            return refuse("elements must be function indices");
        };
        if let ElementKind::Active { table_index, offset_expr } = &element.kind {
            let table = &parsed.tables[table_index.unwrap_or(0) as usize];
            let end = offset(offset_expr)? + u64::from(items.count());
            if end > table.initial {
                return refuse("an element segment does not fit its table");
            }
        }
    }
    Ok(())
}

fn check_data(parsed: &Parsed) -> Result<(), ActivationError> {
    for data in &parsed.data {
        if let DataKind::Active { memory_index, offset_expr } = &data.kind {
            let memory = &parsed.memories[*memory_index as usize];
            let end = offset(offset_expr)? + data.data.len() as u64;
            if end > memory.initial * PAGE_BYTES {
                return refuse("a data segment does not fit the initial memory");
            }
        }
    }
    Ok(())
}

fn offset(expression: &ConstExpr) -> Result<u64, ActivationError> {
    match constant(expression)? {
        Some(Operator::I32Const { value }) => Ok(u64::from(value as u32)),
        _ => refuse("a segment offset is not one i32.const"),
    }
}

/// The only instruction of a constant expression, if it is a plain constant.
fn constant<'a>(expression: &ConstExpr<'a>) -> Result<Option<Operator<'a>>, ActivationError> {
    let mut operators = expression.get_operators_reader();
    let first = operators.read()?;
    let alone = matches!(operators.read()?, Operator::End) && operators.eof();
    let plain = matches!(
        first,
        Operator::I32Const { .. } | Operator::I64Const { .. } | Operator::F32Const { .. } | Operator::F64Const { .. }
    );
    Ok((alone && plain).then_some(first))
}

/// Index of the function that a program pays for memory growth with.
pub(super) fn grow_hook(parsed: &Parsed) -> Option<u32> {
    parsed
        .imports
        .iter()
        .position(|import| import.module == abi::VM_HOOKS && import.name == abi::PAY_FOR_MEMORY_GROW)
        .map(|index| index as u32)
}

fn is_memory_export(export: &Export) -> bool {
    export.name == MEMORY && export.kind == ExternalKind::Memory
}

fn is_entry_point(export: &Export) -> bool {
    export.name == ENTRY_POINT && export.kind == ExternalKind::Func
}

fn refuse<T>(rule: impl Into<String>) -> Result<T, ActivationError> {
    Err(ActivationError::invalid(rule))
}

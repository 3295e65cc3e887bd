//! Hints for a small module, whose branches are met as its callers say.

use wasmi::{Engine, Linker, Module, Store};
use wasmparser::{Validator, WasmFeatures};

use super::*;
use crate::branches::branches;
use crate::count::{COUNTERS, counting};

/// An imported function, so that indices are not those of the code; a `br_if` and an `if` that the argument decides.
const TEXT: &str = r#"(module
    (import "env" "nothing" (func))
    (memory (export "memory") 1)
    (func (export "leaves") (param i32)
        (block (br_if 0 (local.get 0)) (call 0)))
    (func (export "enters") (param i32) (local i64 i32)
        (if (local.get 0) (then (call 0))))
)"#;

/// What a branch is by its function, where it stands, and its hint.
type Hint = (u32, u32, bool);

fn module() -> Vec<u8> {
    wat::parse_str(TEXT).unwrap()
}

/// The module with hints, once a function was called with each of these arguments, so often.
fn after(calls: &[(&str, i32, usize)]) -> Hinted {
    let module = module();
    let branches = branches(&module).unwrap();
    let engine = Engine::default();
    let copy = Module::new(&engine, counting(&module, branches.len()).unwrap()).unwrap();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "nothing", || {}).unwrap();
    let instance = linker.instantiate_and_start(&mut store, &copy).unwrap();
    for (name, argument, times) in calls {
        let function = instance.get_typed_func::<i32, ()>(&store, name).unwrap();
        for _ in 0..*times {
            function.call(&mut store, *argument).unwrap();
        }
    }
    let counters = instance.get_memory(&store, COUNTERS).unwrap();
    hinted(&module, &branches, &Tally::all(counters.data(&store), branches.len())).unwrap()
}

/// The hints as another reader finds them.
fn hints(module: &[u8]) -> Vec<Hint> {
    let mut hints = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CustomSection(section) = payload.unwrap() else { continue };
        let KnownCustom::BranchHints(functions) = section.as_known() else { continue };
        for function in functions {
            let function = function.unwrap();
            for hint in function.hints {
                let hint = hint.unwrap();
                hints.push((function.func, hint.func_offset, hint.taken));
            }
        }
    }
    hints
}

/// The function and the hint of each.
fn said(calls: &[(&str, i32, usize)]) -> Vec<(u32, bool)> {
    hints(&after(calls).module).into_iter().map(|(function, _, hint)| (function, hint)).collect()
}

#[test]
fn hints_a_branch_that_is_never_taken() {
    assert_eq!(said(&[("leaves", 0, 3), ("enters", 0, 3)]), [(1, false), (2, false)]);
}

#[test]
fn hints_a_branch_that_is_always_taken() {
    assert_eq!(said(&[("leaves", 1, 3), ("enters", 5, 3)]), [(1, true), (2, true)]);
}

#[test]
fn hints_a_branch_that_is_taken_less_than_once_in_fifty() {
    assert_eq!(said(&[("leaves", 0, 50), ("leaves", 1, 1)]), [(1, false)]);
    assert_eq!(said(&[("leaves", 0, 49), ("leaves", 1, 1)]), []);
}

#[test]
fn does_not_hint_a_branch_that_goes_both_ways() {
    assert_eq!(said(&[("leaves", 0, 3), ("leaves", 1, 3), ("enters", 0, 3), ("enters", 1, 3)]), []);
}

#[test]
fn does_not_hint_a_branch_that_is_never_reached() {
    assert_eq!(said(&[("enters", 1, 1)]), [(2, true)]);
}

#[test]
fn puts_the_section_before_the_code_and_leaves_all_else_as_it_was() {
    let (before, after) = (module(), after(&[("leaves", 0, 1), ("enters", 0, 1)]).module);
    let code = code_section(&before).unwrap();
    let grown = after.len() - before.len();
    assert_eq!((before[code], after[code]), (10, 0), "the code section, and a custom one");
    assert_eq!(after[..code], before[..code]);
    assert_eq!(after[code + grown..], before[code..]);
    assert_eq!(hints(&after).len(), 2, "nothing else is new");
}

#[test]
fn hints_the_branches_of_a_valid_module() {
    let hinted = after(&[("leaves", 0, 1), ("enters", 0, 1)]);
    Validator::new_with_features(WasmFeatures::default()).validate_all(&hinted.module).unwrap();
    let places: Vec<_> = hints(&hinted.module).iter().map(|(function, at, _)| (*function, *at)).collect();
    let branches: Vec<_> =
        branches(&hinted.module).unwrap().iter().map(|it| (it.function, it.offset)).collect();
    assert_eq!(places, branches);
    assert_eq!((hinted.branches, hinted.functions), (2, 2));
}

#[test]
fn does_not_hint_a_module_twice() {
    let once = after(&[("leaves", 0, 1)]).module;
    assert!(hinted(&once, &[], &[]).is_err());
}

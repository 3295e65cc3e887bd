//! The branches of a module that have a condition, in the order of its code.

use anyhow::Result;
use wasmparser::{Operator, Parser, Payload, TypeRef};

/// A branch with a condition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Branch {
    /// The function's index, imported functions included.
    pub(crate) function: u32,
    /// Where it is, from the start of the function's locals.
    pub(crate) offset: u32,
    pub(crate) kind: Kind,
}

/// What the branch does when its condition holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// It goes on with the next instruction.
    If,
    /// It jumps.
    BrIf,
}

impl Kind {
    /// The kind of an instruction, if it is such a branch.
    pub(crate) fn of(operator: &Operator<'_>) -> Option<Self> {
        match operator {
            Operator::If { .. } => Some(Self::If),
            Operator::BrIf { .. } => Some(Self::BrIf),
            _ => None,
        }
    }
}

pub(crate) fn branches(module: &[u8]) -> Result<Vec<Branch>> {
    let mut branches = Vec::new();
    let mut function = 0_u32;
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                        function = function.saturating_add(1);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let start = body.range().start;
                let mut operators = body.get_operators_reader()?;
                while !operators.eof() {
                    let offset = u32::try_from(operators.original_position().saturating_sub(start))?;
                    if let Some(kind) = Kind::of(&operators.read()?) {
                        branches.push(Branch { function, offset, kind });
                    }
                }
                function = function.saturating_add(1);
            }
            _ => {}
        }
    }
    Ok(branches)
}

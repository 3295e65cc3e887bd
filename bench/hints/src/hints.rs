//! What the counts say about the branches, and the section that tells it.

use anyhow::{Context, Result, bail, ensure};
use wasm_encoder::{BranchHint, BranchHints, Encode, Section};
use wasmparser::{KnownCustom, Parser, Payload};

use crate::branches::{Branch, Kind};
use crate::count::Tally;

/// A side that is taken less often than once in so many times is unlikely.
const RARELY: u64 = 50;

/// A module with its hints.
pub(crate) struct Hinted {
    pub(crate) module: Vec<u8>,
    /// How many branches have a hint.
    pub(crate) branches: usize,
    /// How many functions have such branches.
    pub(crate) functions: usize,
}

/// `module` with the hints that the counts give, in front of its code.
pub(crate) fn hinted(module: &[u8], branches: &[Branch], tallies: &[Tally]) -> Result<Hinted> {
    ensure!(branches.len() == tallies.len(), "there are not as many counts as branches");
    let hints: Vec<(Branch, bool)> = branches
        .iter()
        .zip(tallies)
        .filter_map(|(branch, tally)| Some((*branch, holds(branch.kind, *tally)?)))
        .collect();
    let mut section = BranchHints::new();
    let mut functions = 0_usize;
    for hints in hints.chunk_by(|(one, _), (next, _)| one.function == next.function) {
        let Some((Branch { function, .. }, _)) = hints.first() else { continue };
        section.function_hints(*function, hints.iter().map(hint));
        functions = functions.saturating_add(1);
    }
    Ok(Hinted { module: spliced(module, &section)?, branches: hints.len(), functions })
}

/// Whether the condition nearly always holds, or nearly never; `None` where it goes both ways or was never asked.
fn holds(kind: Kind, tally: Tally) -> Option<bool> {
    let rare = |times: u32| u64::from(times).saturating_mul(RARELY) < u64::from(tally.reached);
    let jumped = tally.reached.saturating_sub(tally.went_on);
    let (held, failed) = match kind {
        Kind::If => (tally.went_on, jumped),
        Kind::BrIf => (jumped, tally.went_on),
    };
    match (rare(held), rare(failed)) {
        (true, _) => Some(false),
        (_, true) => Some(true),
        _ => None,
    }
}

fn hint((branch, holds): &(Branch, bool)) -> BranchHint {
    BranchHint { branch_func_offset: branch.offset, branch_hint_value: u32::from(*holds) }
}

/// The proposal wants the section in front of the code.
fn spliced(module: &[u8], hints: &BranchHints) -> Result<Vec<u8>> {
    let (before, code) = module.split_at_checked(code_section(module)?).context("the code has no place")?;
    let mut spliced = before.to_vec();
    spliced.push(hints.id());
    hints.encode(&mut spliced);
    spliced.extend_from_slice(code);
    Ok(spliced)
}

/// Where the code section starts: where the section in front of it ends.
fn code_section(module: &[u8]) -> Result<usize> {
    let mut end = 0;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::Version { range, .. } => end = range.end,
            Payload::CodeSectionStart { .. } => return Ok(usize::try_from(end)?),
            Payload::CustomSection(section) => {
                let hints = matches!(section.as_known(), KnownCustom::BranchHints(_));
                ensure!(!hints, "the module has hints already");
            }
            _ => {}
        }
        if let Some((_, range)) = payload.as_section() {
            end = range.end;
        }
    }
    bail!("the module has no code")
}

#[cfg(test)]
mod tests;

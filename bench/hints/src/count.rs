//! The copy of a module that counts its branches.

use std::convert::Infallible;

use anyhow::{Result, ensure};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, MemArg, MemArgTarget, MemorySection, MemoryType, Module,
};
use wasmparser::{CustomSectionReader, ExportSectionReader, FunctionBody, MemorySectionReader};

use crate::branches::Kind;

/// The name by which the copy exports the memory of its counters.
pub(crate) const COUNTERS: &str = "portcullis_hints";

const PAGE: u64 = 65_536;

/// How often a branch was met, and which way it went. These are the counters as they lie in memory, 32 bits each.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    /// How often its condition was asked.
    pub(crate) reached: u32,
    /// How often the instruction behind it came next.
    pub(crate) went_on: u32,
}

/// What the counters of one branch take.
const TALLY: u64 = 8;

impl Tally {
    /// Adds what another run counted.
    pub(crate) fn add(&mut self, other: Self) {
        self.reached = self.reached.saturating_add(other.reached);
        self.went_on = self.went_on.saturating_add(other.went_on);
    }

    /// All tallies of a memory, in the order of the branches.
    pub(crate) fn all(memory: &[u8], branches: usize) -> Vec<Self> {
        let (tallies, _) = memory.as_chunks::<8>();
        let read = |tally: &[u8; 8]| {
            let [a, b, c, d, e, f, g, h] = *tally;
            Self { reached: u32::from_le_bytes([a, b, c, d]), went_on: u32::from_le_bytes([e, f, g, h]) }
        };
        tallies.iter().take(branches).map(read).collect()
    }
}

/// A copy of `module`, which has so many branches. What it counts lies in a second memory, so that the first one is as ever.
pub(crate) fn counting(module: &[u8], branches: usize) -> Result<Vec<u8>> {
    let mut counting =
        Counting { size: TALLY.saturating_mul(u64::try_from(branches)?), memory: None, next: 0 };
    let mut copy = Module::new();
    counting.parse_core_module(&mut copy, wasmparser::Parser::new(0), module)?;
    ensure!(counting.memory.is_some(), "the module has no memory");
    ensure!(counting.next == counting.size, "the module's branches are counted in another order");
    Ok(copy.finish())
}

struct Counting {
    /// How many bytes all counters take.
    size: u64,
    /// The index of the counters' memory.
    memory: Option<u32>,
    /// Where the counters of the next branch lie.
    next: u64,
}

impl Counting {
    /// Adds one to the counter at `address`. It leaves the stack as it is.
    fn add_one(&self, function: &mut Function, address: u64) {
        let target = MemArgTarget::Memory(self.memory.unwrap_or_default());
        let counter = MemArg { offset: address, align: 2, target, ordering: Default::default() };
        function
            .instructions()
            .i32_const(0)
            .i32_const(0)
            .i32_load(counter)
            .i32_const(1)
            .i32_add()
            .i32_store(counter);
    }
}

impl Reencode for Counting {
    type Error = Infallible;

    fn parse_memory_section(
        &mut self,
        memories: &mut MemorySection,
        section: MemorySectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_memory_section(self, memories, section)?;
        self.memory = Some(memories.len());
        memories.memory(MemoryType {
            minimum: self.size.div_ceil(PAGE),
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_export_section(self, exports, section)?;
        if let Some(memory) = self.memory {
            exports.export(COUNTERS, ExportKind::Memory, memory);
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            let is_branch = Kind::of(&operator).is_some();
            let reached = self.next;
            if is_branch {
                self.next = reached.saturating_add(TALLY);
                self.add_one(&mut function, reached);
            }
            function.instruction(&self.instruction(operator)?);
            if is_branch {
                self.add_one(&mut function, reached.saturating_add(4));
            }
        }
        code.function(&function);
        Ok(())
    }

    /// Names and the like are of no use here, and would speak of other code.
    fn parse_custom_section(&mut self, _: &mut Module, _: CustomSectionReader<'_>) -> Result<(), Error> {
        Ok(())
    }
}

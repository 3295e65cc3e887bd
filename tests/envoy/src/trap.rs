//! The shipped module with one fault put into it: how a crash is shown without a product that can be made to crash.

use anyhow::{Context, Result, bail, ensure};

/// Sections of a module, by their numbers.
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;

const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;
const END: u8 = 0x0b;

/// The same WebAssembly module, but that its exported function of this name traps as soon as it is called. Nothing else
/// changes, and nothing moves.
pub fn trapping(module: &[u8], export: &str) -> Result<Vec<u8>> {
    let mut out = module.to_vec();
    let mut at = Reader { bytes: module, at: 8 };
    let (mut imported, mut wanted) = (0, None);
    while at.at < module.len() {
        let section = at.byte()?;
        let size = at.number()?;
        let end = at.at.checked_add(size).context("a section's end")?;
        match section {
            IMPORTS => imported = imported_functions(&mut at)?,
            EXPORTS => wanted = Some(exported(&mut at, export)?),
            CODE => {
                let wanted = wanted.with_context(|| format!("no export `{export}`"))?;
                let own = wanted.checked_sub(imported).context("an import that is exported again")?;
                let count = at.number()?;
                ensure!(own < count, "function {own} of {count}");
                for _ in 0..own {
                    let size = at.number()?;
                    at.skip(size)?;
                }
                let size = at.number()?;
                let body = out.get_mut(at.at..).and_then(|rest| rest.get_mut(..size)).context("a body")?;
                // No locals, a trap, and nothing up to the end.
                let [0 | 1.., trap, nothing @ .., end] = body else { bail!("a body of {size} bytes") };
                (*trap, *end) = (UNREACHABLE, END);
                nothing.fill(NOP);
                *body.first_mut().context("a body")? = 0;
                return Ok(out);
            }
            _ => {}
        }
        at.at = end;
    }
    bail!("the module has no code")
}

fn imported_functions(at: &mut Reader<'_>) -> Result<usize> {
    let mut functions = 0_usize;
    for _ in 0..at.number()? {
        at.name()?;
        at.name()?;
        match at.byte()? {
            0 => {
                at.number()?;
                functions = functions.saturating_add(1);
            }
            other => bail!("an import of kind {other}: the host gives functions alone"),
        }
    }
    Ok(functions)
}

fn exported(at: &mut Reader<'_>, export: &str) -> Result<usize> {
    for _ in 0..at.number()? {
        let (name, kind, index) = (at.name()?, at.byte()?, at.number()?);
        if kind == 0 && name == export.as_bytes() {
            return Ok(index);
        }
    }
    bail!("no export `{export}`")
}

/// Reads numbers and names of a module.
struct Reader<'m> {
    bytes: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).context("the module is cut off")?;
        self.skip(1)?;
        Ok(byte)
    }

    /// An unsigned LEB128.
    fn number(&mut self) -> Result<usize> {
        let mut number = 0_usize;
        for shift in (0..32).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        bail!("a number without an end")
    }

    fn name(&mut self) -> Result<&'m [u8]> {
        let length = self.number()?;
        let name = self.bytes.get(self.at..).and_then(|rest| rest.get(..length)).context("a name")?;
        self.skip(length)?;
        Ok(name)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        self.at = self.at.checked_add(count).context("the module is cut off")?;
        Ok(())
    }
}

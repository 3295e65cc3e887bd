//! The module's memory, as host calls read and write it.

use wasmi::{Caller, Error, Memory};

use crate::host::{Head, World};

/// Where the module has its allocator.
const ALLOCATE: &str = "proxy_on_memory_allocate";

pub(super) fn read(caller: &Caller<'_, World>, at: u32, size: u32) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; index(size)?];
    memory(caller)?.read(caller, index(at)?, &mut bytes)?;
    Ok(bytes)
}

pub(super) fn write(caller: &mut Caller<'_, World>, at: u32, bytes: &[u8]) -> Result<(), Error> {
    memory(caller)?.write(caller, index(at)?, bytes)?;
    Ok(())
}

/// Gives bytes away: into memory that the module allocates, whose address and size it is told.
pub(super) fn give(caller: &mut Caller<'_, World>, bytes: &[u8], data: u32, size: u32) -> Result<(), Error> {
    let length = u32::try_from(bytes.len()).map_err(|_| Error::new("more than a memory holds"))?;
    let mut address = 0_u32;
    if length > 0 {
        let allocate = caller.get_export(ALLOCATE).and_then(wasmi::Extern::into_func);
        let allocate = allocate.ok_or_else(|| Error::new("the module has no allocator"))?;
        address = allocate.typed::<u32, u32>(&*caller)?.call(&mut *caller, length)?;
        write(caller, address, bytes)?;
    }
    write(caller, data, &address.to_le_bytes())?;
    write(caller, size, &length.to_le_bytes())
}

/// A head as the ABI has it: how many lines, all lengths, then all names and values, each behind it a zero.
pub(super) fn serialized(head: &Head) -> Result<Vec<u8>, Error> {
    let number = |number: usize| {
        u32::try_from(number).map(u32::to_le_bytes).map_err(|_| Error::new("a head of no size"))
    };
    let mut out = number(head.len())?.to_vec();
    for (name, value) in head {
        out.extend(number(name.len())?);
        out.extend(number(value.len())?);
    }
    for (name, value) in head {
        for text in [name.as_bytes(), value] {
            out.extend_from_slice(text);
            out.push(0);
        }
    }
    Ok(out)
}

fn memory(caller: &Caller<'_, World>) -> Result<Memory, Error> {
    let memory = caller.get_export("memory").and_then(wasmi::Extern::into_memory);
    memory.ok_or_else(|| Error::new("the module exports no memory"))
}

fn index(number: u32) -> Result<usize, Error> {
    usize::try_from(number).map_err(|_| Error::new("more than this machine addresses"))
}

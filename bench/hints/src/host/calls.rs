//! The host calls of the proxy-wasm ABI 0.2.1 and of WASI that the filter makes.

use anyhow::Result;
use wasmi::{Caller, Error, ExternType, Linker, Module, Val};

use crate::host::guest::{give, read, serialized, write};
use crate::host::{Head, World, signature};

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const CAS_MISMATCH: u32 = 8;
const UNIMPLEMENTED: i32 = 12;

/// Every byte of randomness: the same run counts the same.
const RANDOM: u8 = 7;

type Guest<'c> = Caller<'c, World>;

/// Links all that the module imports: first as what is not implemented, then as what is.
pub(super) fn link(linker: &mut Linker<World>, module: &Module) -> Result<()> {
    linker.allow_shadowing(true);
    for import in module.imports() {
        if let ExternType::Func(kind) = import.ty() {
            let (from, name) = (import.module(), import.name());
            // The filter knows how to go on without a call of the host's, but not without one of the system's.
            let missing = (from != "env").then(|| format!("{name} is not implemented"));
            linker.func_new(from, name, kind.clone(), move |_, _, results| match &missing {
                Some(why) => Err(Error::new(why.clone())),
                None => {
                    results.fill(Val::I32(UNIMPLEMENTED));
                    Ok(())
                }
            })?;
        }
    }
    linker
        .func_wrap("wasi_snapshot_preview1", "random_get", random)?
        .func_wrap("wasi_snapshot_preview1", "environ_sizes_get", environment)?
        .func_wrap("wasi_snapshot_preview1", "environ_get", |_: u32, _: u32| OK)?
        .func_wrap("env", "proxy_log", log)?
        .func_wrap("env", "proxy_get_current_time_nanoseconds", time)?
        .func_wrap("env", "proxy_set_tick_period_milliseconds", |_: u32| OK)?
        .func_wrap("env", "proxy_set_effective_context", |_: u32| OK)?
        .func_wrap("env", "proxy_define_metric", define_metric)?
        .func_wrap("env", "proxy_increment_metric", |_: u32, _: i64| OK)?
        .func_wrap("env", "proxy_record_metric", |_: u32, _: u64| OK)?
        .func_wrap("env", "proxy_get_property", property)?
        .func_wrap("env", "proxy_set_property", |_: u32, _: u32, _: u32, _: u32| OK)?
        .func_wrap("env", "proxy_get_header_map_pairs", headers)?
        .func_wrap("env", "proxy_replace_header_map_value", replace_header)?
        .func_wrap("env", "proxy_remove_header_map_value", remove_header)?
        .func_wrap("env", "proxy_get_buffer_bytes", buffer)?
        .func_wrap("env", "proxy_set_buffer_bytes", set_buffer)?
        .func_wrap("env", "proxy_get_shared_data", shared)?
        .func_wrap("env", "proxy_set_shared_data", set_shared)?
        .func_wrap("env", "proxy_call_foreign_function", call_foreign_function)?
        .func_wrap(
            "env",
            "proxy_send_local_response",
            |mut guest: Guest<'_>, status: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: i32| {
                guest.data_mut().refused = Some(status);
                OK
            },
        )?;
    Ok(())
}

fn random(mut guest: Guest<'_>, at: u32, size: u32) -> Result<u32, Error> {
    let bytes: Vec<u8> = (0..size).map(|_| RANDOM).collect();
    write(&mut guest, at, &bytes)?;
    Ok(OK)
}

/// There are no variables.
fn environment(mut guest: Guest<'_>, count: u32, size: u32) -> Result<u32, Error> {
    write(&mut guest, count, &[0; 4])?;
    write(&mut guest, size, &[0; 4])?;
    Ok(OK)
}

fn log(mut guest: Guest<'_>, _level: u32, at: u32, size: u32) -> Result<u32, Error> {
    let line = String::from_utf8_lossy(&read(&guest, at, size)?).into_owned();
    guest.data_mut().log.push(line);
    Ok(OK)
}

fn time(mut guest: Guest<'_>, at: u32) -> Result<u32, Error> {
    let now = guest.data().now;
    write(&mut guest, at, &now.to_le_bytes())?;
    Ok(OK)
}

fn define_metric(mut guest: Guest<'_>, _kind: u32, _name: u32, _size: u32, id: u32) -> Result<u32, Error> {
    let world = guest.data_mut();
    world.metrics = world.metrics.saturating_add(1);
    let metric = world.metrics;
    write(&mut guest, id, &metric.to_le_bytes())?;
    Ok(OK)
}

fn property(mut guest: Guest<'_>, path: u32, length: u32, data: u32, size: u32) -> Result<u32, Error> {
    let value: &[u8] = match &*read(&guest, path, length)? {
        b"plugin_name" | b"plugin_vm_id" => b"portcullis",
        b"source\0address" => b"203.0.113.7:41234",
        b"connection\0tls_version" if guest.data().tls => b"TLSv1.3",
        _ => return Ok(NOT_FOUND),
    };
    give(&mut guest, value, data, size)?;
    Ok(OK)
}

fn head(world: &mut World, map: u32) -> Option<&mut Head> {
    match map {
        0 => Some(&mut world.request),
        2 => Some(&mut world.response),
        _ => None,
    }
}

fn headers(mut guest: Guest<'_>, map: u32, data: u32, size: u32) -> Result<u32, Error> {
    let Some(head) = head(guest.data_mut(), map) else { return Ok(BAD_ARGUMENT) };
    let bytes = serialized(head)?;
    give(&mut guest, &bytes, data, size)?;
    Ok(OK)
}

fn replace_header(
    mut guest: Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Result<u32, Error> {
    let (name, value) = (read(&guest, name, name_size)?, read(&guest, value, value_size)?);
    Ok(set_header(guest.data_mut(), map, &name, Some(value)))
}

fn remove_header(mut guest: Guest<'_>, map: u32, name: u32, size: u32) -> Result<u32, Error> {
    let name = read(&guest, name, size)?;
    Ok(set_header(guest.data_mut(), map, &name, None))
}

/// Takes all lines of a name away, and puts one there where there is a value.
fn set_header(world: &mut World, map: u32, name: &[u8], value: Option<Vec<u8>>) -> u32 {
    let Some(head) = head(world, map) else { return BAD_ARGUMENT };
    head.retain(|(other, _)| other.as_bytes() != name);
    head.extend(value.map(|value| (String::from_utf8_lossy(name).into_owned(), value)));
    OK
}

fn held(world: &mut World, kind: u32) -> Option<&mut Vec<u8>> {
    match kind {
        0 => Some(&mut world.request_body),
        1 => Some(&mut world.response_body),
        7 => Some(&mut world.policy),
        _ => None,
    }
}

fn buffer(
    mut guest: Guest<'_>,
    kind: u32,
    _start: u32,
    _max: u32,
    data: u32,
    size: u32,
) -> Result<u32, Error> {
    let Some(bytes) = held(guest.data_mut(), kind).cloned() else { return Ok(BAD_ARGUMENT) };
    // Envoy has no buffer for what is empty.
    if bytes.is_empty() {
        return Ok(NOT_FOUND);
    }
    give(&mut guest, &bytes, data, size)?;
    Ok(OK)
}

/// The filter puts a whole body in the place of another.
fn set_buffer(
    mut guest: Guest<'_>,
    kind: u32,
    _start: u32,
    _max: u32,
    data: u32,
    size: u32,
) -> Result<u32, Error> {
    let bytes = read(&guest, data, size)?;
    let Some(held) = held(guest.data_mut(), kind) else { return Ok(BAD_ARGUMENT) };
    *held = bytes;
    Ok(OK)
}

fn shared(
    mut guest: Guest<'_>,
    key: u32,
    key_size: u32,
    data: u32,
    size: u32,
    number: u32,
) -> Result<u32, Error> {
    let key = read(&guest, key, key_size)?;
    let Some((value, current)) = guest.data().shared.get(&key).cloned() else { return Ok(NOT_FOUND) };
    give(&mut guest, &value, data, size)?;
    write(&mut guest, number, &current.to_le_bytes())?;
    Ok(OK)
}

fn set_shared(
    mut guest: Guest<'_>,
    key: u32,
    key_size: u32,
    data: u32,
    size: u32,
    seen: u32,
) -> Result<u32, Error> {
    let (key, value) = (read(&guest, key, key_size)?, read(&guest, data, size)?);
    let shared = &mut guest.data_mut().shared;
    let current = shared.get(&key).map(|(_, number)| *number);
    // 0 writes whatever is there, and what is not there takes any number.
    if seen != 0 && current.is_some_and(|current| current != seen) {
        return Ok(CAS_MISMATCH);
    }
    shared.insert(key, (value, current.unwrap_or_default().saturating_add(1)));
    Ok(OK)
}

fn call_foreign_function(
    mut guest: Guest<'_>,
    name: u32,
    name_size: u32,
    argument: u32,
    argument_size: u32,
    data: u32,
    size: u32,
) -> Result<u32, Error> {
    if read(&guest, name, name_size)? != b"verify_signature" {
        return Ok(NOT_FOUND);
    }
    let question = read(&guest, argument, argument_size)?;
    let world = guest.data_mut();
    world.questions = world.questions.saturating_add(1);
    let Some(answer) = signature::verify(&question) else { return Ok(BAD_ARGUMENT) };
    give(&mut guest, answer, data, size)?;
    Ok(OK)
}

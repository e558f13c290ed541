//! Input, output, exit, memory growth and the return data of the last call (section 3.3).

use super::env::{Env, Escape, Hosted};
use super::pending::Pending;
use super::{Request, prices};
use crate::ARBOS_STYLUS_3;

pub(super) fn read_args(env: &mut Env, dest: u32) -> Hosted<()> {
    let calldata = env.host().calldata.clone();
    env.buy_ink(prices::HOST)?;
    env.buy_ink(prices::write(calldata.len() as u32))?;
    env.write(dest, &calldata)?;
    env.note_outs(&[&calldata]);
    Ok(())
}

pub(super) fn write_result(env: &mut Env, data: u32, len: u32) -> Hosted<()> {
    env.buy_ink(prices::HOST)?;
    env.buy_ink(2 * prices::read(len))?;
    let output = env.read_bytes(data, len)?;
    env.note_args(&[&output]);
    env.host().output = output;
    Ok(())
}

pub(super) fn exit_early(env: &mut Env, status: u32) -> Hosted<()> {
    env.note_args(&[&status.to_be_bytes()]);
    env.end();
    Err(Escape::Exit(status))
}

/// More pages than 16 bits can count cost what nobody has; before ArbOS 59 only their low 16 bits reached the host.
pub(super) fn pay_for_memory_grow(env: &mut Env, pages: u32) -> Hosted<()> {
    if pages > u32::from(u16::MAX) && env.config().arbos_version >= ARBOS_STYLUS_3 {
        return env.buy_gas(u64::MAX);
    }
    let pages = pages as u16;
    env.note_args(&[&pages.to_be_bytes()]);
    if pages == 0 {
        return env.buy_ink(prices::HOST);
    }
    env.ask(Request::AddPages { pages }, Pending::AddPages)
}

pub(super) fn return_data_size(env: &mut Env) -> Hosted<u32> {
    env.buy_ink(prices::HOST)?;
    let size = env.host().return_data.len() as u32;
    env.note_outs(&[&size.to_be_bytes()]);
    Ok(size)
}

/// Copies what there is from `offset` on, at most `size` bytes, and tells how many. Where nothing is copied, memory is
/// not touched: any `dest` will do.
pub(super) fn read_return_data(env: &mut Env, dest: u32, offset: u32, size: u32) -> Hosted<u32> {
    let data = env.host().return_data.clone();
    env.buy_ink(prices::HOST + prices::CROSSING)?;
    let part = part(&data, offset, size);
    env.buy_ink(prices::write(part.len() as u32))?;
    if !part.is_empty() {
        env.write(dest, part)?;
    }
    env.note_args(&[&offset.to_be_bytes(), &size.to_be_bytes()]);
    env.note_outs(&[part]);
    Ok(part.len() as u32)
}

/// Debug chains only: the text is an argument of the record.
pub(super) fn log_text(env: &mut Env, text: u32, len: u32) -> Hosted<()> {
    let bytes = env.read_bytes(text, len)?;
    env.note_args(&[&bytes]);
    Ok(())
}

/// At most `size` bytes of `data` from `offset` on.
pub(super) fn part(data: &[u8], offset: u32, size: u32) -> &[u8] {
    let start = data.len().min(offset as usize);
    let end = data.len().min(start + size as usize);
    &data[start..end]
}

//! Brotli, with the size limit of section 1.2.

use brotli::enc::{BrotliEncoderParams, StandardAlloc};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use super::ActivationError;

const QUALITY: i32 = 11;
const FAST_QUALITY: i32 = 1;
const WINDOW_BITS: i32 = 22;
/// Output grows in steps of this size, so that a small program does not pay for a large limit.
const CHUNK: usize = 64 * 1024;

/// Decompresses the brotli stream of a classic program (after the `EFF00000` prefix).
///
/// Bytes after the end of the stream are ignored.
///
/// # Errors
///
/// [`ActivationError::Invalid`] for a broken stream and for more than `max_wasm_size` bytes of output.
pub fn decompress(stream: &[u8], max_wasm_size: u32) -> Result<Vec<u8>, ActivationError> {
    let allocate = StandardAlloc::default();
    let mut state = BrotliState::new_strict(allocate, allocate, allocate);
    let (mut input_left, mut input_at) = (stream.len(), 0);
    let (mut output, mut written) = (Vec::new(), 0);
    loop {
        let room = (max_wasm_size as usize - output.len()).min(CHUNK);
        output.resize(output.len() + room, 0);
        let (mut output_left, mut output_at) = (output.len() - written, written);
        let result = BrotliDecompressStream(
            &mut input_left,
            &mut input_at,
            stream,
            &mut output_left,
            &mut output_at,
            &mut output,
            &mut written,
            &mut state,
        );
        match result {
            BrotliResult::ResultSuccess => {
                output.truncate(written);
                return Ok(output);
            }
            BrotliResult::NeedsMoreOutput if output.len() < max_wasm_size as usize => {}
            BrotliResult::NeedsMoreOutput => {
                let text = format!("decompressed program exceeds {max_wasm_size} bytes");
                return Err(ActivationError::invalid(text));
            }
            BrotliResult::NeedsMoreInput | BrotliResult::ResultFailure => {
                return Err(ActivationError::invalid("invalid brotli stream"));
            }
        }
    }
}

/// Bytes of the brotli stream of `data` at the quality at which Arbitrum prices what a transaction brings to L1.
pub fn fast_compressed_len(data: &[u8]) -> usize {
    compress_at(data, FAST_QUALITY).len()
}

/// Compresses like the deployment tools: quality 11, window 22.
pub(super) fn compress(data: &[u8]) -> Vec<u8> {
    compress_at(data, QUALITY)
}

fn compress_at(data: &[u8], quality: i32) -> Vec<u8> {
    let parameters =
        BrotliEncoderParams { quality, lgwin: WINDOW_BITS, size_hint: data.len(), ..BrotliEncoderParams::default() };
    let mut stream = Vec::new();
    let mut reader = data;
    brotli::BrotliCompress(&mut reader, &mut stream, &parameters)
        .expect("reading a slice and writing a vector cannot fail");
    stream
}

//! The host's `verify_signature`: a protobuf message in, one out.

use crate::control::tokens::Question;
use crate::document::wire::put_bytes;
use crate::filter::host;

/// Asks the host. `envoy.source.extensions.common.wasm.VerifySignatureArguments` has the hash (1), the key (2), the
/// signature (3) and the text (4); the result has a boolean (1). A bad signature's result is empty, since protobuf
/// leaves out what is false.
pub(crate) fn ask(question: Question<'_>) -> Option<bool> {
    let mut argument = Vec::with_capacity(1024);
    let fields = [question.hash.as_bytes(), question.key, question.signature, question.text];
    for (field, bytes) in (1_u8..).zip(fields) {
        put_bytes(&mut argument, field, bytes);
    }
    let result = host::call("verify_signature", &argument).ok()?;
    Some(result == [0x08, 0x01])
}

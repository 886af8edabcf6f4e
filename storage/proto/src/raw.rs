use ::bytes::{Buf, BufMut, Bytes};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, bytes, skip_field};

// A key and a length, each a varint.
const MAX_FIELD_HEADER: usize = 20;

/// The undecoded bytes of a `TracesData` or an `ExportTraceServiceRequest`: both are one repeated
/// `ResourceSpans` field with the number 1, so each can be read as the other.
///
/// The generated services use it in place of both messages, because decoding spans into owned
/// structs is the largest cost of a trace store's write path. Nothing is checked: whoever reads
/// the bytes validates them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawTraces(pub Bytes);

impl prost::Message for RawTraces {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn decode(mut buf: impl Buf) -> Result<Self, DecodeError> {
        Ok(Self(buf.copy_to_bytes(buf.remaining())))
    }

    // Reached only where the message is embedded in another one (FindSpansResponse).
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        if wire_type != WireType::LengthDelimited {
            return skip_field(wire_type, tag, buf, ctx);
        }
        let mut field = Bytes::new();
        bytes::merge(wire_type, &mut field, buf, ctx)?;
        let mut joined = Vec::with_capacity(self.0.len() + field.len() + MAX_FIELD_HEADER);
        joined.put_slice(&self.0);
        bytes::encode(tag, &field, &mut joined);
        self.0 = joined.into();
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// Protobuf as `tonic_prost` has it, except that a message which can't be decoded is
/// `INVALID_ARGUMENT` in place of `INTERNAL`: the fault is the sender's, and it isn't to be sent
/// again. A client of these services tells the same of a server's bad answer.
#[derive(Debug)]
pub struct ProstCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for ProstCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for ProstCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BlamingDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BlamingDecoder(ProstDecoder::default())
    }
}

/// The decoder of [`ProstCodec`].
#[derive(Debug)]
pub struct BlamingDecoder<U>(ProstDecoder<U>);

impl<U: Message + Default> Decoder for BlamingDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        self.0.decode(bytes).map_err(|error| Status::invalid_argument(error.message()))
    }
}

//! Stand-in.
use super::chunk::Chunk;
/// Stand-in.
pub struct Function {
    /// The chunk it belongs to; null for functions of an image.
    pub chunk: *const Chunk,
}

//! Stand-in.
/// Stand-in.
pub struct Native {
    /// Name.
    pub name: &'static str,
}
/// Rust data captured by a native closure of an embedder.
pub type NativeData = dyn std::any::Any + Send;

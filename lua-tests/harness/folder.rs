//! Folders for the files that a test makes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of its own, removed with everything in it at the end.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// An empty folder. `name` must differ between tests.
    pub fn new(name: &str) -> io::Result<Self> {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Folder { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, with the folders on the way to it.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder"))?;
        fs::write(&path, content)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the build folder and harms nobody.
        let _ = fs::remove_dir_all(&self.path);
    }
}

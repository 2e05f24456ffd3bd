//! Files in memory: those of a volume that is packed with the program. They never change.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Files with the folders they are in. The paths of files are relative to the root, or begin at it.
///
/// ```
/// let page = &b"<h1>hello</h1>"[..];
/// let files: moonlet::PackedFiles = [("index.html", page), ("img/dot.gif", b"GIF89a")].into_iter().collect();
/// # drop(files);
/// ```
#[derive(Clone, Debug)]
pub struct PackedFiles {
    /// By the path from the root, `/`, which is among them.
    nodes: BTreeMap<PathBuf, Node>,
}

/// A file or a folder.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Folder,
    File(PackedFile),
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct PackedFile {
    /// What is in it.
    pub(crate) content: Arc<[u8]>,
    /// When it was changed last, if that is known.
    pub(crate) modified: Option<SystemTime>,
    /// Differs for other content.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "the server tells clients of it"))]
    pub(crate) digest: u64,
}

impl Default for PackedFiles {
    fn default() -> PackedFiles {
        PackedFiles { nodes: BTreeMap::from([(PathBuf::from("/"), Node::Folder)]) }
    }
}

impl<P: AsRef<Path>, B: AsRef<[u8]>> FromIterator<(P, B)> for PackedFiles {
    /// Of two files with one path the last one counts.
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> PackedFiles {
        let mut packed = PackedFiles::default();
        for (path, content) in files {
            packed.add(&Path::new("/").join(path), content.as_ref().into(), None);
        }
        packed
    }
}

impl PackedFiles {
    /// The files that are below a folder now. Blocks.
    ///
    /// # Errors
    /// Those of the system; a link that leads out of the folder, or back.
    pub(crate) fn read(folder: &Path) -> io::Result<PackedFiles> {
        let mut packed = PackedFiles::default();
        let root = folder.canonicalize()?;
        packed.read_folder(&root, Path::new("/"), &mut vec![root.clone()])?;
        Ok(packed)
    }

    /// Reads a folder; `above` are the folders on the way to it, with it.
    fn read_folder(&mut self, real: &Path, path: &Path, above: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(real)? {
            let name = entry?.file_name();
            let (real, path) = (real.join(&name).canonicalize()?, path.join(&name));
            let wrong = |what| io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {what}", path.display()));
            if !real.starts_with(&above[0]) {
                return Err(wrong("leads out of the folder"));
            }
            let metadata = fs::metadata(&real)?;
            if metadata.is_file() {
                self.add(&path, fs::read(&real)?.into(), metadata.modified().ok());
            } else if above.contains(&real) {
                return Err(wrong("leads back to a folder it is in"));
            } else if metadata.is_dir() {
                self.nodes.insert(path.clone(), Node::Folder);
                above.push(real.clone());
                self.read_folder(&real, &path, above)?;
                above.pop();
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, content: Arc<[u8]>, modified: Option<SystemTime>) {
        for folder in path.ancestors().skip(1) {
            self.nodes.entry(folder.to_owned()).or_insert(Node::Folder);
        }
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        self.nodes.insert(path.to_owned(), Node::File(PackedFile { content, modified, digest: hasher.finish() }));
    }

    /// What is at a path.
    ///
    /// # Errors
    /// Nothing is there.
    pub(crate) fn node(&self, path: &Path) -> io::Result<&Node> {
        self.nodes.get(path).ok_or_else(|| {
            let is_file = |path| matches!(self.nodes.get(path), Some(Node::File(_)));
            if path.ancestors().any(is_file) { io::ErrorKind::NotADirectory } else { io::ErrorKind::NotFound }.into()
        })
    }

    /// The names in a folder, sorted, with what they are.
    ///
    /// # Errors
    /// There is no such folder.
    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<(OsString, &Node)>> {
        if matches!(self.node(path)?, Node::File(_)) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let below = self.nodes.range::<Path, _>((Bound::Excluded(path), Bound::Unbounded));
        let below = below.take_while(|(other, _)| other.starts_with(path));
        let inside = below.filter(|(other, _)| other.parent() == Some(path));
        Ok(inside.filter_map(|(other, node)| Some((other.file_name()?.to_owned(), node))).collect())
    }
}

//! Where the paths of a volume lead: into a folder of the machine, or to files in memory. What blocks says so.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::packed::{Node, PackedFile, PackedFiles};

/// The types of what is in a volume.
pub(super) const FILE: &str = "file";
pub(super) const FOLDER: &str = "directory";

/// What the system would say of the files and folders in memory.
const FILE_MODE: u32 = 0o100_444;
const FOLDER_MODE: u32 = 0o040_555;

/// Where the files of a volume are.
#[derive(Clone, Debug)]
pub enum Root {
    /// Below a folder of the machine.
    Folder(PathBuf),
    /// In memory.
    Packed(Arc<PackedFiles>),
}

impl From<PathBuf> for Root {
    fn from(folder: PathBuf) -> Root {
        Root::Folder(folder)
    }
}

impl From<PackedFiles> for Root {
    fn from(files: PackedFiles) -> Root {
        Root::Packed(Arc::new(files))
    }
}

/// A path of a volume.
pub(super) struct Place {
    pub(super) root: Root,
    /// As programs see it: absolute, without `.` and `..`.
    pub(super) shown: PathBuf,
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
    /// To write, if there is none yet.
    WriteNew,
    Append,
}

impl Mode {
    /// The mode that programs call so.
    pub(super) fn named(name: &[u8]) -> Option<Mode> {
        Some(match name {
            b"r" => Mode::Read,
            b"w" => Mode::Write,
            b"wx" => Mode::WriteNew,
            b"a" => Mode::Append,
            _ => return None,
        })
    }

    fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        match self {
            Mode::Read => options.read(true),
            Mode::Write => options.write(true).create(true).truncate(true),
            Mode::WriteNew => options.write(true).create_new(true),
            Mode::Append => options.append(true).create(true),
        };
        options
    }
}

/// What is known of a file or folder.
pub(super) struct Stat {
    pub(super) size: u64,
    pub(super) mode: u32,
    /// In Unix seconds.
    pub(super) modified: u64,
    pub(super) sort: &'static str,
}

impl Stat {
    fn of_file(file: &PackedFile) -> Stat {
        Stat { size: file.content.len() as u64, mode: FILE_MODE, modified: seconds(file.modified), sort: FILE }
    }

    fn of_node(node: &Node) -> Stat {
        match node {
            Node::File(file) => Stat::of_file(file),
            Node::Folder => Stat { size: 0, mode: FOLDER_MODE, modified: 0, sort: FOLDER },
        }
    }
}

impl From<Metadata> for Stat {
    fn from(metadata: Metadata) -> Stat {
        Stat {
            size: metadata.len(),
            mode: metadata.permissions().mode(),
            modified: seconds(metadata.modified().ok()),
            sort: sort_of(metadata.file_type()),
        }
    }
}

fn seconds(time: Option<SystemTime>) -> u64 {
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs())
}

/// The `type` of an entry. A symbolic link is a file until it is followed; what is read and written in other ways than
/// a file (a pipe, a socket, a device) is neither of the two constants.
fn sort_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        FOLDER
    } else if kind.is_file() || kind.is_symlink() {
        FILE
    } else {
        "special"
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "not allowed: the volume is read-only")
}

impl Place {
    /// Its last name.
    pub(super) fn name(&self) -> &OsStr {
        self.shown.file_name().unwrap_or(self.shown.as_os_str())
    }

    /// Where it is on the machine. Blocks.
    fn real(&self, root: &Path) -> io::Result<PathBuf> {
        let relative = self.shown.strip_prefix("/").unwrap_or(&self.shown);
        let real = root.join(relative);
        if root != Path::new("/") {
            check_links(root, &real)?;
        }
        Ok(real)
    }

    /// Where it is on the machine, to change something there. Blocks.
    fn to_change(&self) -> io::Result<PathBuf> {
        match &self.root {
            Root::Folder(root) => self.real(root),
            Root::Packed(_) => Err(read_only()),
        }
    }

    /// Opens a file. Blocks.
    pub(super) fn open(&self, mode: Mode) -> io::Result<Opened> {
        match &self.root {
            Root::Folder(root) => mode.options().open(self.real(root)?).map(Opened::Real),
            Root::Packed(_) if mode != Mode::Read => Err(read_only()),
            Root::Packed(files) => match files.node(&self.shown)? {
                Node::File(file) => Ok(Opened::Packed(Cursor::new(Arc::clone(&file.content)), file.clone())),
                Node::Folder => Err(io::ErrorKind::IsADirectory.into()),
            },
        }
    }

    /// All that is in a file. Blocks.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        match &self.root {
            Root::Folder(root) => fs::read(self.real(root)?),
            Root::Packed(_) => {
                let mut content = Vec::new();
                self.open(Mode::Read)?.read_to_end(&mut content)?;
                Ok(content)
            }
        }
    }

    /// Whether something is there. Blocks.
    pub(super) fn exists(&self) -> io::Result<bool> {
        match &self.root {
            Root::Folder(root) => self.real(root)?.try_exists(),
            Root::Packed(files) => Ok(files.node(&self.shown).is_ok()),
        }
    }

    /// What is known of it. Blocks.
    pub(super) fn stat(&self) -> io::Result<Stat> {
        match &self.root {
            Root::Folder(root) => fs::metadata(self.real(root)?).map(Stat::from),
            Root::Packed(files) => files.node(&self.shown).map(Stat::of_node),
        }
    }

    /// The names in a folder, sorted, with their types. Blocks.
    pub(super) fn list(&self) -> io::Result<Vec<(OsString, &'static str)>> {
        let root = match &self.root {
            Root::Folder(root) => root,
            Root::Packed(files) => {
                let names = files.list(&self.shown)?;
                return Ok(names.into_iter().map(|(name, node)| (name, Stat::of_node(node).sort)).collect());
            }
        };
        let entries = fs::read_dir(self.real(root)?)?.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), sort_of(entry.file_type()?)))
        });
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort_unstable();
        Ok(entries)
    }

    /// Makes a folder. Blocks.
    pub(super) fn make_folder(&self) -> io::Result<()> {
        fs::create_dir(self.to_change()?)
    }

    /// Removes a file, or a folder that is empty. Blocks.
    pub(super) fn remove(&self) -> io::Result<()> {
        let real = self.to_change()?;
        if real.is_dir() { fs::remove_dir(real) } else { fs::remove_file(real) }
    }
}

/// Refuses a path that leads out of the volume through a link. What does not exist yet lies where it will be made.
fn check_links(root: &Path, real: &Path) -> io::Result<()> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    let root = root.canonicalize()?;
    for part in real.ancestors() {
        match part.canonicalize() {
            Ok(found) if found.starts_with(&root) => return Ok(()),
            Ok(_) => return refused("not allowed: leads out of the volume"),
            // A link that leads nowhere would be followed when a file is made.
            Err(_) if part.is_symlink() => return refused("not allowed: a link that leads nowhere"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// An open file.
pub(super) enum Opened {
    /// One of the machine.
    Real(File),
    /// One in memory, and how far it is read.
    Packed(Cursor<Arc<[u8]>>, PackedFile),
}

impl Opened {
    /// What is known of it. Blocks.
    pub(super) fn stat(&self) -> io::Result<Stat> {
        match self {
            Opened::Real(file) => file.metadata().map(Stat::from),
            Opened::Packed(_, file) => Ok(Stat::of_file(file)),
        }
    }

    /// Waits until all is where it outlives a failure of the machine. Blocks.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self {
            Opened::Real(file) => file.sync_all(),
            Opened::Packed(..) => Ok(()),
        }
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Opened::Real(file) => file.read(buffer),
            Opened::Packed(content, _) => content.read(buffer),
        }
    }
}

impl Write for Opened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Opened::Real(file) => file.write(bytes),
            Opened::Packed(..) => Err(read_only()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Opened::Real(file) => file.flush(),
            Opened::Packed(..) => Ok(()),
        }
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Opened::Real(file) => file.seek(to),
            Opened::Packed(content, _) => content.seek(to),
        }
    }
}

//! What is known at a point of the program beyond declarations: the flow types of paths (types §3.1, §3.6).
//!
//! A path is a variable, maybe followed by a few constant keys. [`Facts`] says only what differs from what holds at the
//! declaration of the variable, so that a state is short and cheap to copy. The states of a place that several ways lead
//! to are joined.

use hashbrown::HashMap;

use super::scope::VarId;
use super::ty::{Key, Ty, Types};

/// A path of one [`Paths`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PathId(u32);

/// A constant key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PathKey {
    /// `.name`
    Name(Key),
    /// `[3]`
    Index(i64),
    /// `t[#t]`
    Last,
}

/// Keys of a path.
const MAX_KEYS: u8 = 4;

struct Path {
    root: VarId,
    parent: Option<PathId>,
    key: Option<PathKey>,
    length: u8,
}

/// The paths of a chunk.
#[derive(Default)]
pub struct Paths {
    all: Vec<Path>,
    roots: HashMap<VarId, PathId>,
    ids: HashMap<(PathId, PathKey), PathId>,
}

impl Paths {
    /// The variable itself.
    pub fn root(&mut self, var: VarId) -> PathId {
        if let Some(found) = self.roots.get(&var) {
            return *found;
        }
        let id = PathId(self.all.len() as u32);
        self.all.push(Path { root: var, parent: None, key: None, length: 0 });
        self.roots.insert(var, id);
        id
    }

    /// The path with one more key; `None` if it would be too long.
    pub fn extend(&mut self, path: PathId, key: PathKey) -> Option<PathId> {
        if let Some(found) = self.ids.get(&(path, key)) {
            return Some(*found);
        }
        let Path { root, length, .. } = self.all[path.0 as usize];
        if length >= MAX_KEYS {
            return None;
        }
        let id = PathId(self.all.len() as u32);
        self.all.push(Path { root, parent: Some(path), key: Some(key), length: length + 1 });
        self.ids.insert((path, key), id);
        Some(id)
    }

    /// The variable a path begins with.
    pub fn var(&self, path: PathId) -> VarId {
        self.all[path.0 as usize].root
    }

    /// The path without its last key.
    pub fn parent(&self, path: PathId) -> Option<PathId> {
        self.all[path.0 as usize].parent
    }

    /// The last key.
    pub fn key(&self, path: PathId) -> Option<PathKey> {
        self.all[path.0 as usize].key
    }

    /// Whether `path` is `of` or begins with it.
    pub fn is_within(&self, path: PathId, of: PathId) -> bool {
        let mut at = Some(path);
        while let Some(here) = at {
            if here == of {
                return true;
            }
            at = self.all[here.0 as usize].parent;
        }
        false
    }
}

/// The type of a value and where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flow {
    /// The type.
    pub ty: Ty,
    /// Whether the programmer wrote it, so that every value of it must be expected.
    pub declared: bool,
}

impl Flow {
    /// What the programmer did not write.
    pub fn inferred(ty: Ty) -> Flow {
        Flow { ty, declared: false }
    }

    /// What the programmer wrote.
    pub fn declared(ty: Ty) -> Flow {
        Flow { ty, declared: true }
    }

    /// Nothing known.
    pub const ANY: Flow = Flow { ty: Ty::ANY, declared: false };

    /// One of two values.
    pub fn join(self, other: Flow, types: &mut Types) -> Flow {
        if self == other || other.ty == Ty::NEVER {
            return self;
        }
        if self.ty == Ty::NEVER {
            return other;
        }
        // A nil counts as written only where every nil is.
        let ty = types.join([self.ty, other.ty]);
        let declared = match (types.has_nil(self.ty), types.has_nil(other.ty)) {
            (true, false) => self.declared,
            (false, true) => other.declared,
            _ => self.declared && other.declared,
        };
        Flow { ty, declared }
    }
}

/// A value and the error that says why it is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pair {
    /// The first result.
    pub value: VarId,
    /// The last.
    pub error: VarId,
    /// A variable that has been checked to be of a type, if there is no error: `T:is(x)`.
    pub checked: Option<(PathId, Ty)>,
}

/// A state: what is known at a point of the program.
#[derive(Clone, Default, Debug)]
pub struct Facts {
    /// Sorted by path.
    known: Vec<(PathId, Flow)>,
    pairs: Vec<Pair>,
    /// Nothing leads here.
    pub unreachable: bool,
}

impl Facts {
    /// The flow type of a path, if it differs from the declaration.
    pub fn get(&self, path: PathId) -> Option<Flow> {
        self.known.binary_search_by_key(&path, |(path, _)| *path).ok().map(|at| self.known[at].1)
    }

    /// Replaces the flow type of a path.
    pub fn set(&mut self, path: PathId, flow: Flow) {
        match self.known.binary_search_by_key(&path, |(path, _)| *path) {
            Ok(at) => self.known[at].1 = flow,
            Err(at) => self.known.insert(at, (path, flow)),
        }
    }

    /// Forgets what does not satisfy the condition.
    pub fn retain(&mut self, mut keep: impl FnMut(PathId) -> bool) {
        self.known.retain(|(path, _)| keep(*path));
    }

    /// The paths of which something is known.
    pub fn paths(&self) -> impl Iterator<Item = PathId> {
        self.known.iter().map(|(path, _)| *path)
    }

    /// How many flow types are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing but declarations is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Forgets what begins with a path, and, unless it was only narrowed, the path itself.
    pub fn forget(&mut self, path: PathId, paths: &Paths) {
        let var = paths.var(path);
        self.known.retain(|(known, _)| paths.var(*known) != var || !paths.is_within(*known, path));
        if paths.parent(path).is_none() {
            self.unpair(var);
        }
    }

    /// Forgets that a variable belongs to a pair.
    pub fn unpair(&mut self, var: VarId) {
        self.pairs.retain(|pair| pair.value != var && pair.error != var);
    }

    /// Forgets all pairs: a closure does not know when it runs.
    pub fn open_closure(&mut self) {
        self.pairs.clear();
    }

    /// Pairs a value with its error.
    pub fn pair(&mut self, pair: Pair) {
        self.pairs.push(pair);
    }

    /// The pairs that a variable belongs to.
    pub fn pairs_of(&self, var: VarId) -> impl Iterator<Item = Pair> {
        self.pairs.iter().copied().filter(move |pair| pair.value == var || pair.error == var)
    }

    /// Forgets variables that have gone out of scope: those declared since.
    pub fn leave_scope(&mut self, first: VarId, paths: &Paths) {
        self.known.retain(|(path, _)| paths.var(*path) < first);
        self.pairs.retain(|pair| pair.value < first && pair.error < first);
    }

    /// A state that nothing leads to.
    pub fn dead() -> Facts {
        Facts { unreachable: true, ..Facts::default() }
    }

    /// What is known after either of two states. `base` tells the flow type that a path has by its declaration, or by that
    /// of the path it extends; `None` drops the path.
    pub fn join(
        self,
        other: Facts,
        types: &mut Types,
        base: &mut dyn FnMut(&mut Types, PathId) -> Option<Flow>,
    ) -> Facts {
        if self.unreachable {
            return other;
        }
        if other.unreachable {
            return self;
        }
        if self.known == other.known && self.pairs == other.pairs {
            return self;
        }
        let (mut left, mut right) = (self.known.into_iter().peekable(), other.known.into_iter().peekable());
        let mut known = Vec::new();
        loop {
            let (path, a, b) = match (left.peek().copied(), right.peek().copied()) {
                (None, None) => break,
                (Some((path, a)), Some((other, b))) if path == other => (path, Some(a), Some(b)),
                (Some((path, a)), Some((other, _))) if path < other => (path, Some(a), None),
                (Some((path, a)), None) => (path, Some(a), None),
                (_, Some((path, b))) => (path, None, Some(b)),
            };
            if a.is_some() {
                left.next();
            }
            if b.is_some() {
                right.next();
            }
            let Some(a) = a.or_else(|| base(types, path)) else { continue };
            let Some(b) = b.or_else(|| base(types, path)) else { continue };
            known.push((path, a.join(b, types)));
        }
        let pairs = self.pairs.into_iter().filter(|pair| other.pairs.contains(pair)).collect();
        Facts { known, pairs, unreachable: false }
    }
}

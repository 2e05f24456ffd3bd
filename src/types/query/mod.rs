//! What editors ask about a checked chunk: what a name is, where it is declared and used, what may be written here.
//!
//! | file | what |
//! | --- | --- |
//! | `trace` | what is noted while a chunk is checked |
//! | `complete` | what may be written at a place |
//! | `signature` | the function around a place between parentheses |
//! | `symbols` | what a chunk declares, as a tree |
//!
//! Places are byte offsets in the text that was checked. Nothing here is computed unless it is asked for
//! ([`Options::queries`](super::Options)), and all of it is answered from notes: no chunk is followed again.

mod complete;
mod signature;
mod symbols;
#[cfg(test)]
mod tests;
mod trace;

use std::path::{Path, PathBuf};

use super::library::Library;
use super::project::{Checked, Modules};
use super::scope::{VarId, VarKind};
use super::shape::Found;
use super::ty::{AliasId, Key, Kind, Ty, Types};
use crate::syntax::Span;
use crate::syntax::ast::{Ast, Expr, ExprId, Name};

pub(super) use complete::patched;
pub use complete::{Completion, CompletionKind};
pub use signature::Signature;
pub use symbols::{Symbol, SymbolKind};
pub(super) use trace::{Access, Mention, Mentioned, NamedType, Noted, Origins, Trace};

/// What is to be known of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hover {
    /// The name.
    pub span: Span,
    /// What it is, as a declaration: `local x: number`.
    pub text: String,
    /// The comment above its declaration, without the dashes.
    pub comment: Option<String>,
}

/// A place in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// The file.
    pub path: PathBuf,
    /// The place; the beginning of the file for a module.
    pub span: Span,
}

/// A place where a name is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The place.
    pub span: Span,
    /// Whether the variable gets a value here.
    pub write: bool,
    /// Whether it is declared here.
    pub declaration: bool,
}

/// Answers about one chunk.
pub struct Query<'a> {
    types: &'a mut Types,
    library: &'a Library,
    modules: &'a Modules,
    checked: &'a Checked,
    ast: &'a Ast,
    noted: &'a Noted,
}

impl<'a> Query<'a> {
    pub(super) fn new(
        types: &'a mut Types,
        library: &'a Library,
        modules: &'a Modules,
        checked: &'a Checked,
    ) -> Option<Query<'a>> {
        let (ast, noted) = checked.noted.as_ref()?;
        Some(Query { types, library, modules, checked, ast, noted })
    }

    fn mention(&self, offset: u32) -> Option<Mention> {
        self.noted.trace.at(offset).copied()
    }

    /// The type of the name at a place, as text.
    pub fn type_at(&mut self, offset: u32) -> Option<String> {
        let mention = self.mention(offset)?;
        let ty = self.type_of(mention)?;
        Some(self.types.show(ty))
    }

    /// What the name at a place is.
    pub fn hover(&mut self, offset: u32) -> Option<Hover> {
        let mention = self.mention(offset)?;
        let text = match mention.of {
            Mentioned::Type(NamedType::Alias(id)) => self.declaration_of_alias(id),
            Mentioned::Type(NamedType::Param(id)) => match self.types.param(id).constraint {
                Some(constraint) => {
                    format!("{}: {}", self.types.key_text(self.types.param(id).name), self.types.show(constraint))
                }
                None => self.types.key_text(self.types.param(id).name).into_owned(),
            },
            Mentioned::Type(NamedType::Predeclared(ty)) => self.types.show(ty),
            Mentioned::Type(NamedType::Unknown) => return None,
            Mentioned::Module(module) => {
                let name = self.module_name(module)?;
                let path = self.modules.find(&name, &self.checked.path);
                match path {
                    Some(path) => format!("module {name}: {}", path.display()),
                    None => format!("module {name}"),
                }
            }
            Mentioned::Variable(var, _) => match self.alias_of(var) {
                Some(id) => self.declaration_of_alias(id),
                None => self.declaration_of_variable(var, mention)?,
            },
            Mentioned::Global(name, _) => {
                let ty = self.type_of(mention).unwrap_or(Ty::ANY);
                format!("global {}: {}", self.ast.text(name), self.show_named(ty))
            }
            Mentioned::Field { name, .. } => {
                let ty = self.type_of(mention).unwrap_or(Ty::ANY);
                format!("{}: {}", self.ast.text(name), self.show_named(ty))
            }
        };
        let comment = self.definition_of(mention).and_then(|place| self.comment_above(&place));
        Some(Hover { span: mention.span, text, comment })
    }

    /// Where the name at a place is declared; `None` for what no file declares.
    pub fn definition(&mut self, offset: u32) -> Option<Location> {
        let mention = self.mention(offset)?;
        self.definition_of(mention)
    }

    /// All places in the chunk that mean the variable or type whose name is at this place.
    pub fn references(&mut self, offset: u32) -> Vec<Reference> {
        let Some(mention) = self.mention(offset) else { return Vec::new() };
        let noted = self.noted;
        let wanted = self.identity(mention.of);
        let mut found = Vec::new();
        for other in &noted.trace.mentions {
            if wanted.is_some() && self.identity(other.of) == wanted {
                let access = match other.of {
                    Mentioned::Variable(_, access) | Mentioned::Global(_, access) => access,
                    _ => Access::Read,
                };
                found.push(Reference {
                    span: other.span,
                    write: access != Access::Read,
                    declaration: access == Access::Declare,
                });
            }
        }
        found
    }

    /// What makes two mentions mean the same.
    fn identity(&self, of: Mentioned) -> Option<Identity> {
        Some(match of {
            Mentioned::Variable(var, _) => match self.alias_of(var) {
                Some(id) => Identity::Type(NamedType::Alias(id)),
                None => Identity::Variable(var),
            },
            Mentioned::Global(name, _) => Identity::Global(name),
            Mentioned::Type(NamedType::Unknown | NamedType::Predeclared(_)) => return None,
            Mentioned::Type(named) => Identity::Type(named),
            Mentioned::Field { .. } | Mentioned::Module(_) => return None,
        })
    }

    /// The alias that a variable is the value of.
    fn alias_of(&self, var: VarId) -> Option<AliasId> {
        let noted = self.noted;
        if noted.vars[var.0 as usize].kind != VarKind::Alias {
            return None;
        }
        match *self.types.kind(noted.types[var.0 as usize]) {
            Kind::Generic(id) => Some(id),
            Kind::TypeValue(of) => match *self.types.kind(of) {
                Kind::Alias(id, _) => Some(id),
                _ => None,
            },
            _ => None,
        }
    }

    fn type_of(&mut self, mention: Mention) -> Option<Ty> {
        let noted = self.noted;
        let trace = &noted.trace;
        let at = mention.span.start;
        match mention.of {
            Mentioned::Variable(var, Access::Declare) => Some(noted.types[var.0 as usize]),
            Mentioned::Variable(var, _) => trace.name(at).or(Some(noted.types[var.0 as usize])),
            Mentioned::Global(..) => trace.name(at),
            Mentioned::Field { whole, .. } => trace.name(at).or_else(|| trace.expr(whole?)),
            Mentioned::Type(NamedType::Alias(id)) => Some(self.types.alias(id).body),
            Mentioned::Type(NamedType::Param(id)) => Some(self.types.intern(Kind::Param(id))),
            Mentioned::Type(NamedType::Predeclared(ty)) => Some(ty),
            Mentioned::Type(NamedType::Unknown) | Mentioned::Module(_) => None,
        }
    }

    fn definition_of(&mut self, mention: Mention) -> Option<Location> {
        let noted = self.noted;
        let here = |span| Some(Location { path: self.checked.path.clone(), span });
        match mention.of {
            Mentioned::Variable(var, _) => here(noted.vars[var.0 as usize].span),
            Mentioned::Global(name, _) => self.origin(|origins| origins.of_global(self.ast.text(name))),
            Mentioned::Type(NamedType::Alias(id)) => self.origin(|origins| origins.of_alias(id)),
            Mentioned::Type(NamedType::Param(id)) => here(*noted.trace.params.get(&id)?),
            Mentioned::Type(_) => None,
            Mentioned::Module(module) => {
                let name = self.module_name(module)?;
                let path = self.modules.find(&name, &self.checked.path)?;
                Some(Location { path, span: Span { line: 1, end_line: 1, ..Span::default() } })
            }
            Mentioned::Field { name, object, .. } => {
                // In a constructor or function statement it is declared by itself.
                let Some(object) = object else { return here(mention.span) };
                let key = self.types.key(self.ast.text(name).as_bytes());
                let of = noted.trace.expr(object)?;
                self.members(of).into_iter().find_map(|member| self.origin_of_field(member, key))
            }
        }
    }

    fn origin<'o>(&'o self, find: impl FnOnce(&'o Origins) -> Option<(&'o Path, Span)>) -> Option<Location> {
        let (path, span) = find(self.modules.origins.as_ref()?)?;
        Some(Location { path: path.to_owned(), span })
    }

    fn origin_of_field(&mut self, of: Ty, key: Key) -> Option<Location> {
        let owner = match *self.types.kind(of) {
            Kind::Shape(id) => match self.types.lookup(id, key) {
                Found::Field(at, _) => self.types.intern(Kind::Shape(at)),
                Found::Behind(ty) => self.types.head(ty),
                Found::Unknown | Found::Absent => return None,
            },
            _ => of,
        };
        self.origin(|origins| origins.of_field(owner, key))
    }

    /// The members of a type but nil, aliases expanded.
    fn members(&mut self, ty: Ty) -> Vec<Ty> {
        let members = self.types.members(ty);
        let members = members.into_iter().filter(|member| *member != Ty::NIL).collect::<Vec<_>>();
        members.into_iter().map(|member| self.types.head(member)).collect()
    }

    fn module_name(&self, id: ExprId) -> Option<String> {
        match self.ast.expr(id) {
            Expr::String(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    fn declaration_of_alias(&mut self, id: AliasId) -> String {
        let alias = self.types.alias(id);
        let params: Vec<_> = alias.params.iter().map(|id| self.types.key_text(self.types.param(*id).name)).collect();
        let params = if params.is_empty() { String::new() } else { format!("<{}>", params.join(", ")) };
        format!("type {}{params} = {}", alias.name, self.types.show(alias.body))
    }

    fn declaration_of_variable(&mut self, var: VarId, mention: Mention) -> Option<String> {
        let known = &self.noted.vars[var.0 as usize];
        let ty = self.type_of(mention).unwrap_or(Ty::ANY);
        let before = match known.kind {
            VarKind::Param | VarKind::Receiver => "parameter",
            _ => "local",
        };
        let name = match known.kind {
            VarKind::Receiver => "self",
            _ => self.ast.text(known.name),
        };
        Some(format!("{before} {name}: {}", self.show_named(ty)))
    }

    /// The text of a type; the name of a library instead of all it has.
    fn show_named(&self, ty: Ty) -> String {
        match self.library.names.get(&ty) {
            Some(name) => format!("library {name}"),
            None => self.types.show(ty),
        }
    }

    /// The lines of comments that end right above a place.
    fn comment_above(&self, place: &Location) -> Option<String> {
        let read;
        let source: &[u8] = if place.path == self.checked.path {
            &self.checked.source
        } else {
            read = self.modules.read(&place.path)?;
            &read
        };
        let start = (place.span.start as usize).min(source.len());
        let line = source[..start].iter().rposition(|byte| *byte == b'\n')?;
        let mut comment = Vec::new();
        for above in source[..line].rsplit(|byte| *byte == b'\n') {
            let Some(text) = above.trim_ascii().strip_prefix(b"--") else { break };
            // A long comment may have ended here, or begun.
            if text.starts_with(b"[[") || text.starts_with(b"[=") || text.starts_with(b"!") {
                break;
            }
            comment.push(String::from_utf8_lossy(text.strip_prefix(b"-").unwrap_or(text).trim_ascii()).into_owned());
        }
        comment.reverse();
        (!comment.is_empty()).then(|| comment.join("\n"))
    }
}

/// What a name means, wherever it is mentioned.
#[derive(PartialEq, Eq)]
enum Identity {
    Variable(VarId),
    Global(Name),
    Type(NamedType),
}

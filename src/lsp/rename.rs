//! New names for local variables, parameters and types of a document.
//!
//! A new name must not change what the program means. So the text with the new name is checked, too: there, the name must
//! mean the same in the same places, and nothing else.

use lsp_server::ErrorCode;
use lsp_types::{PrepareRenameResponse, RenameParams, TextDocumentPositionParams, TextEdit, Uri, WorkspaceEdit};

use super::text::Text;
use super::workspace::{Refusal, Workspace};
use crate::syntax::{Span, parse};
use crate::types::{Query, Reference};

type Answer<T> = Result<T, Refusal>;

/// What can be renamed at a place.
pub(super) fn prepare(
    workspace: &mut Workspace,
    params: TextDocumentPositionParams,
) -> Answer<Option<PrepareRenameResponse>> {
    workspace.ask_at(&params, |query, offset, text| {
        let (name, places) = renamed(query, offset, text).ok()?;
        let here = places.iter().find(|place| place.span.start <= offset && offset <= place.span.end)?;
        Some(PrepareRenameResponse::RangeWithPlaceholder { range: text.range(here.span), placeholder: name })
    })
}

pub(super) fn rename(workspace: &mut Workspace, params: RenameParams) -> Answer<Option<WorkspaceEdit>> {
    let place = params.text_document_position;
    let new = params.new_name;
    if !is_name(&new) {
        return Err(refuse(format!("'{new}' is no name")));
    }
    let uri = &place.text_document.uri;
    let (places, edits, source) = workspace.ask_at(&place, |query, offset, text| {
        let (_, places) = renamed(query, offset, text)?;
        let edit = |found: &Reference| TextEdit { range: text.range(found.span), new_text: new.clone() };
        Ok((
            places.iter().map(|place| place.span).collect::<Vec<_>>(),
            places.iter().map(edit).collect(),
            text.source(),
        ))
    })??;
    check(workspace, uri, &places, &source, &new)?;
    #[allow(clippy::mutable_key_type, reason = "the protocol's names of documents are compared by their text")]
    let changes = std::iter::once((uri.clone(), edits)).collect();
    Ok(Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }))
}

fn refuse(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::RequestFailed, message)
}

/// The name at a place and all places where it means the same, in order.
fn renamed(query: &mut Query<'_>, offset: u32, text: &Text) -> Answer<(String, Vec<Reference>)> {
    let mut places = query.references(offset);
    places.sort_by_key(|place| place.span.start);
    let Some(declaration) = places.iter().find(|place| place.declaration) else {
        return Err(refuse("only local variables, parameters and types of this file can be renamed"));
    };
    let name = text.slice(declaration.span);
    if places.iter().any(|place| text.slice(place.span) != name) {
        return Err(refuse("this variable has no name of its own"));
    }
    if is_exported(text, declaration.span) {
        return Err(refuse("other files may use this type"));
    }
    Ok((String::from_utf8_lossy(name).into_owned(), places))
}

/// Whether `export type` stands before a declaration.
fn is_exported(text: &Text, declaration: Span) -> bool {
    let before = text.bytes()[..declaration.start as usize].trim_ascii_end();
    before.strip_suffix(b"type").is_some_and(|before| before.trim_ascii_end().ends_with(b"export"))
}

/// Whether it can be the name of a variable.
fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && parse(format!("local {text}").as_bytes()).is_ok()
}

/// Whether the new name means in its places what the old one did, and means it nowhere else.
fn check(workspace: &mut Workspace, uri: &Uri, places: &[Span], source: &[u8], new: &str) -> Answer<()> {
    let mut renamed = Vec::with_capacity(source.len());
    let mut expected = Vec::with_capacity(places.len());
    let mut end = 0;
    for place in places {
        renamed.extend_from_slice(&source[end..place.start as usize]);
        expected.push(renamed.len() as u32);
        renamed.extend_from_slice(new.as_bytes());
        end = place.end as usize;
    }
    renamed.extend_from_slice(&source[end..]);
    let same = workspace.ask_instead(uri, renamed, |query| {
        expected.iter().all(|place| {
            let mut found: Vec<_> = query.references(*place).iter().map(|found| found.span.start).collect();
            found.sort_unstable();
            found == expected
        })
    })?;
    if same == Some(true) { Ok(()) } else { Err(refuse(format!("'{new}' means something else here"))) }
}

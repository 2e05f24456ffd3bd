//! The answers: each takes the parameters of a request and gives its result.

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionParams, CompletionResponse, DiagnosticRelatedInformation,
    DiagnosticSeverity, DiagnosticTag, DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams,
    DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, GotoDefinitionParams, GotoDefinitionResponse, Hover,
    HoverContents, HoverParams, Location, MarkupContent, MarkupKind, NumberOrString, ParameterInformation,
    ParameterLabel, ReferenceParams, SignatureHelp, SignatureHelpParams, SignatureInformation, Uri,
};

use super::text::Text;
use super::workspace::{Refusal, Workspace};
use crate::types::{Completion, CompletionKind, Diagnostic, Severity, Symbol, SymbolKind};

/// The name of this server among the sources of diagnostics.
const SOURCE: &str = "moonlet";

/// Codes of what is written for nothing.
const UNNECESSARY: [&str; 5] = ["E0009", "W0004", "W0005", "W0006", "W0012"];

type Answer<T> = Result<T, Refusal>;

/// A finding as editors show it.
pub(super) fn finding(text: &Text, uri: &Uri, found: &Diagnostic) -> lsp_types::Diagnostic {
    let severity = match found.severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Hint => DiagnosticSeverity::HINT,
    };
    let mut message = found.message.clone();
    let mut related = Vec::new();
    for note in &found.notes {
        match note.span {
            Some(span) => related.push(DiagnosticRelatedInformation {
                location: Location { uri: uri.clone(), range: text.range(span) },
                message: note.message.clone(),
            }),
            None => message = format!("{message}\n{}", note.message),
        }
    }
    if let Some(help) = &found.help {
        message = format!("{message}\nhelp: {help}");
    }
    let code = found.code.info().code;
    lsp_types::Diagnostic {
        range: text.range(found.span),
        severity: Some(severity),
        code: Some(NumberOrString::String(code.to_owned())),
        source: Some(SOURCE.to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: UNNECESSARY.contains(&code).then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..lsp_types::Diagnostic::default()
    }
}

pub(super) fn hover(workspace: &mut Workspace, params: HoverParams) -> Answer<Option<Hover>> {
    workspace.ask_at(&params.text_document_position_params, |query, offset, text| {
        let hover = query.hover(offset)?;
        let mut value = format!("```lua\n{}\n```", hover.text);
        if let Some(comment) = hover.comment {
            value = format!("{value}\n\n{comment}");
        }
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        Some(Hover { contents, range: Some(text.range(hover.span)) })
    })
}

pub(super) fn definition(
    workspace: &mut Workspace,
    params: GotoDefinitionParams,
) -> Answer<Option<GotoDefinitionResponse>> {
    let place = workspace.ask_at(&params.text_document_position_params, |query, offset, _| query.definition(offset))?;
    let location = place.and_then(|place| workspace.location(&place.path, place.span));
    Ok(location.map(GotoDefinitionResponse::Scalar))
}

pub(super) fn references(workspace: &mut Workspace, params: ReferenceParams) -> Answer<Option<Vec<Location>>> {
    let place = params.text_document_position;
    let declaration = params.context.include_declaration;
    workspace.ask_at(&place, |query, offset, text| {
        let found = query.references(offset).into_iter().filter(|found| declaration || !found.declaration);
        let uri = &place.text_document.uri;
        Some(found.map(|found| Location { uri: uri.clone(), range: text.range(found.span) }).collect())
    })
}

pub(super) fn highlights(
    workspace: &mut Workspace,
    params: DocumentHighlightParams,
) -> Answer<Option<Vec<DocumentHighlight>>> {
    workspace.ask_at(&params.text_document_position_params, |query, offset, text| {
        let highlight = |found: crate::types::Reference| DocumentHighlight {
            range: text.range(found.span),
            kind: Some(if found.write { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ }),
        };
        Some(query.references(offset).into_iter().map(highlight).collect())
    })
}

pub(super) fn completion(workspace: &mut Workspace, params: CompletionParams) -> Answer<Option<CompletionResponse>> {
    let place = params.text_document_position;
    let found = workspace.complete(&place.text_document.uri, place.position)?;
    Ok(Some(CompletionResponse::Array(found.into_iter().map(completion_item).collect())))
}

fn completion_item(found: Completion) -> CompletionItem {
    let kind = match found.kind {
        CompletionKind::Variable | CompletionKind::Global => CompletionItemKind::VARIABLE,
        CompletionKind::Function => CompletionItemKind::FUNCTION,
        CompletionKind::Method => CompletionItemKind::METHOD,
        CompletionKind::Field => CompletionItemKind::FIELD,
        CompletionKind::Type => CompletionItemKind::CLASS,
        CompletionKind::Module => CompletionItemKind::MODULE,
        CompletionKind::Keyword => CompletionItemKind::KEYWORD,
    };
    CompletionItem { label: found.label, kind: Some(kind), detail: found.detail, ..CompletionItem::default() }
}

pub(super) fn signature(workspace: &mut Workspace, params: SignatureHelpParams) -> Answer<Option<SignatureHelp>> {
    workspace.ask_at(&params.text_document_position_params, |query, offset, _| {
        let found = query.signatures(offset);
        let active = found.first()?.active;
        // Of several, the first that takes so many arguments.
        let fitting = found.iter().position(|signature| signature.parameters.len() > active);
        let signatures = found.into_iter().map(|signature| {
            let parameter = |label| ParameterInformation { label: ParameterLabel::Simple(label), documentation: None };
            SignatureInformation {
                label: signature.label,
                documentation: None,
                parameters: Some(signature.parameters.into_iter().map(parameter).collect()),
                active_parameter: None,
            }
        });
        Some(SignatureHelp {
            signatures: signatures.collect(),
            active_signature: Some(fitting.unwrap_or(0) as u32),
            active_parameter: Some(active as u32),
        })
    })
}

pub(super) fn symbols(
    workspace: &mut Workspace,
    params: DocumentSymbolParams,
) -> Answer<Option<DocumentSymbolResponse>> {
    workspace.ask(&params.text_document.uri, |query, text| {
        let symbols = query.symbols().into_iter().map(|symbol| symbol_item(text, symbol));
        Some(DocumentSymbolResponse::Nested(symbols.collect()))
    })
}

fn symbol_item(text: &Text, symbol: Symbol) -> DocumentSymbol {
    let kind = match symbol.kind {
        SymbolKind::Function => lsp_types::SymbolKind::FUNCTION,
        SymbolKind::Method => lsp_types::SymbolKind::METHOD,
        SymbolKind::Variable => lsp_types::SymbolKind::VARIABLE,
        SymbolKind::Field => lsp_types::SymbolKind::FIELD,
        SymbolKind::Type => lsp_types::SymbolKind::CLASS,
    };
    let children: Vec<_> = symbol.children.into_iter().map(|child| symbol_item(text, child)).collect();
    #[allow(deprecated, reason = "the field has to be there")]
    DocumentSymbol {
        name: symbol.name,
        detail: None,
        kind,
        tags: None,
        deprecated: None,
        range: text.range(symbol.span),
        selection_range: text.range(symbol.name_span),
        children: (!children.is_empty()).then_some(children),
    }
}

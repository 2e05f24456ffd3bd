//! The conversation: a client connects, introduces itself, tells what happens to documents and asks about them, and says
//! when it is over.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{
    DidChangeConfiguration, DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    Exit, Initialized, Notification as Told, PublishDiagnostics,
};
use lsp_types::request::{
    Completion, DocumentHighlightRequest, DocumentSymbolRequest, GotoDefinition, HoverRequest, Initialize,
    PrepareRenameRequest, References, RegisterCapability, Rename, Request as Asked, Shutdown, SignatureHelpRequest,
};
use lsp_types::{
    CompletionOptions, DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern,
    HoverProviderCapability, InitializeParams, InitializeResult, OneOf, Registration, RegistrationParams,
    RenameOptions, ServerCapabilities, ServerInfo, SignatureHelpOptions, TextDocumentSyncCapability,
    TextDocumentSyncKind, WorkDoneProgressOptions,
};

use super::inbox::{Inbox, Next};
use super::uri::path_of;
use super::workspace::{Refusal, Workspace};
use super::{Setup, features, rename};

/// Talks to a client until it is gone. Whether it has left in order: after it asked for the end.
///
/// # Errors
/// What was wrong before anything could be answered.
pub fn serve(connection: &Connection, setup: Setup) -> Result<bool, String> {
    // Questions before the introduction are refused there.
    let (id, params) = connection.initialize_start().map_err(|error| error.to_string())?;
    let params: InitializeParams =
        serde_json::from_value(params).map_err(|error| format!("cannot read what the client is: {error}"))?;
    let mut workspace = Workspace::new(setup, roots(&params))?;
    workspace.configure(params.initialization_options.as_ref().unwrap_or(&serde_json::Value::Null));
    let watches = params.capabilities.workspace.as_ref().and_then(|able| able.did_change_watched_files.as_ref());
    let watches = watches.is_some_and(|watching| watching.dynamic_registration == Some(true));
    let result = InitializeResult {
        capabilities: capabilities(),
        server_info: Some(ServerInfo {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    };
    let mut server = Server { connection, workspace, watches, ending: false };
    server.send(Response::new_ok(id, result));
    thread::scope(|scope| {
        // The connection passes on one message after another; this thread takes them from it as they come.
        let (sender, receiver) = mpsc::channel();
        let incoming = connection.receiver.clone();
        scope.spawn(move || {
            for message in incoming {
                let last =
                    matches!(&message, Message::Notification(notification) if notification.method == Exit::METHOD);
                if sender.send(message).is_err() || last {
                    break;
                }
            }
        });
        server.run(Inbox::new(receiver));
    });
    Ok(server.ending)
}

/// The folders that are open.
#[allow(deprecated, reason = "older clients name one folder")]
fn roots(params: &InitializeParams) -> Vec<PathBuf> {
    match &params.workspace_folders {
        Some(folders) => folders.iter().map(|folder| path_of(&folder.uri)).collect(),
        None => params.root_uri.iter().map(path_of).collect(),
    }
}

fn capabilities() -> ServerCapabilities {
    let after = |characters: &[&str]| Some(characters.iter().map(|text| (*text).to_owned()).collect());
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::INCREMENTAL)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: after(&[".", ":"]),
            ..CompletionOptions::default()
        }),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: after(&["(", ","]),
            ..SignatureHelpOptions::default()
        }),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        ..ServerCapabilities::default()
    }
}

struct Server<'a> {
    connection: &'a Connection,
    workspace: Workspace,
    /// Whether the client can tell about files that change.
    watches: bool,
    /// Whether the client has asked for the end.
    ending: bool,
}

impl Server<'_> {
    /// Answers one message after another until the client leaves.
    fn run(&mut self, mut inbox: Inbox) {
        loop {
            for request in inbox.take_in() {
                self.refuse(request.id, Refusal::new(ErrorCode::RequestCanceled, "withdrawn"));
            }
            let next = match inbox.next() {
                // Nobody wants anything else: time to look at what has changed.
                Next::Nothing if self.tell_news() => Next::Nothing,
                Next::Nothing => inbox.wait(),
                next => next,
            };
            match next {
                Next::Message(Message::Notification(told)) if told.method == Exit::METHOD => return,
                Next::Message(Message::Notification(told)) => self.told(told),
                Next::Message(Message::Request(request)) => self.asked(request),
                // Answers to what this side asks for tell nothing.
                Next::Message(Message::Response(_)) | Next::Nothing => {}
                Next::End => return,
            }
        }
    }

    /// A client that is gone gets nothing; its leaving is seen where messages come in.
    fn send(&self, message: impl Into<Message>) {
        let _ = self.connection.sender.send(message.into());
    }

    fn refuse(&self, id: RequestId, refusal: Refusal) {
        self.send(Response::new_err(id, refusal.code as i32, refusal.message));
    }

    /// Checks what has changed and tells what was found. Whether there was anything.
    fn tell_news(&mut self) -> bool {
        self.workspace.refresh();
        let news = self.workspace.news();
        let any = !news.is_empty();
        for params in news {
            self.send(Notification::new(PublishDiagnostics::METHOD.to_owned(), params));
        }
        any
    }

    // ---- what the client tells

    fn told(&mut self, told: Notification) {
        let workspace = &mut self.workspace;
        match told.method.as_str() {
            Initialized::METHOD if self.watches => self.watch_files(),
            DidOpenTextDocument::METHOD => {
                if let Some(params) = read::<DidOpenTextDocument>(told) {
                    let document = params.text_document;
                    workspace.open(document.uri, document.version, document.text);
                }
            }
            DidChangeTextDocument::METHOD => {
                if let Some(params) = read::<DidChangeTextDocument>(told) {
                    let document = params.text_document;
                    workspace.change(&document.uri, document.version, params.content_changes);
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Some(params) = read::<DidCloseTextDocument>(told) {
                    workspace.close(&params.text_document.uri);
                }
            }
            DidChangeWatchedFiles::METHOD => {
                if let Some(params) = read::<DidChangeWatchedFiles>(told) {
                    params.changes.iter().for_each(|change| workspace.touch(&change.uri));
                }
            }
            DidChangeConfiguration::METHOD => {
                if let Some(params) = read::<DidChangeConfiguration>(told) {
                    workspace.configure(params.settings.get("moonlet").unwrap_or(&params.settings));
                }
            }
            // Whatever else a client tells may be ignored.
            _ => {}
        }
    }

    /// Asks to be told about files that change while they are not open.
    fn watch_files(&self) {
        let watcher = |glob: &str| FileSystemWatcher { glob_pattern: GlobPattern::String(glob.to_owned()), kind: None };
        let watchers = vec![watcher("**/*.lua"), watcher("**/*.{yaml,yml,json}")];
        let options = DidChangeWatchedFilesRegistrationOptions { watchers };
        let registration = Registration {
            id: "files".to_owned(),
            method: DidChangeWatchedFiles::METHOD.to_owned(),
            register_options: serde_json::to_value(options).ok(),
        };
        let params = RegistrationParams { registrations: vec![registration] };
        let id = RequestId::from("watch".to_owned());
        self.send(Request::new(id, RegisterCapability::METHOD.to_owned(), params));
    }

    // ---- what the client asks

    fn asked(&mut self, request: Request) {
        if self.ending {
            return self.refuse(request.id, Refusal::new(ErrorCode::InvalidRequest, "the server is shutting down"));
        }
        match request.method.as_str() {
            Shutdown::METHOD => {
                self.ending = true;
                self.send(Response::new_ok(request.id, ()));
            }
            Initialize::METHOD => {
                self.refuse(request.id, Refusal::new(ErrorCode::InvalidRequest, "the server is initialized"));
            }
            HoverRequest::METHOD => self.answer::<HoverRequest>(request, features::hover),
            GotoDefinition::METHOD => self.answer::<GotoDefinition>(request, features::definition),
            References::METHOD => self.answer::<References>(request, features::references),
            DocumentHighlightRequest::METHOD => self.answer::<DocumentHighlightRequest>(request, features::highlights),
            DocumentSymbolRequest::METHOD => self.answer::<DocumentSymbolRequest>(request, features::symbols),
            Completion::METHOD => self.answer::<Completion>(request, features::completion),
            SignatureHelpRequest::METHOD => self.answer::<SignatureHelpRequest>(request, features::signature),
            PrepareRenameRequest::METHOD => self.answer::<PrepareRenameRequest>(request, rename::prepare),
            Rename::METHOD => self.answer::<Rename>(request, rename::rename),
            unknown => {
                let refusal = Refusal::new(ErrorCode::MethodNotFound, format!("unknown request '{unknown}'"));
                self.refuse(request.id, refusal);
            }
        }
    }

    fn answer<R: Asked>(
        &mut self,
        request: Request,
        answer: impl FnOnce(&mut Workspace, R::Params) -> Result<R::Result, Refusal>,
    ) {
        let params = serde_json::from_value(request.params)
            .map_err(|error| Refusal::new(ErrorCode::InvalidParams, error.to_string()));
        match params.and_then(|params| answer(&mut self.workspace, params)) {
            Ok(result) => self.send(Response::new_ok(request.id, result)),
            Err(refusal) => self.refuse(request.id, refusal),
        }
    }
}

/// The parameters of a notification; one that cannot be read is as good as none.
fn read<N: Told>(told: Notification) -> Option<N::Params> {
    serde_json::from_value(told.params).ok()
}

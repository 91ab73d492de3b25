//! The server itself: what it says that it can, and one message after the other.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use gen_lsp_types::{
    ClientCapabilities, CodeActionKind, CodeActionOptions, CodeLensOptions, CompletionOptions,
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, InitializeParams,
    RenameOptions, Save, ServerCapabilities, TextDocumentSyncKind, TextDocumentSyncOptions,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    StoreOf,
    ability::{Ability, error},
    diagnostics::Published,
    world::World,
};
use crate::error::{Error, Result};

/// What follows which the editor asks for completion on its own: a value, a reference, a path, an item.
const TRIGGERS: [&str; 7] = [" ", ":", "{", ".", "/", "-", "$"];

/// Speaks with an editor over standard input and output until it says that this is enough.
///
/// # Errors
/// When the editor does not speak the protocol, or is gone without a word.
pub fn serve(store_of: Arc<StoreOf>) -> Result<()> {
    let (connection, threads) = Connection::stdio();
    let spoken = speak(&connection, store_of);
    drop(connection);
    spoken?;
    threads.join().map_err(|error| Error::io("read", "standard input", error))
}

fn speak(connection: &Connection, store_of: Arc<StoreOf>) -> Result<()> {
    let (id, params) = connection.initialize_start().map_err(protocol)?;
    let params: InitializeParams = serde_json::from_value(params)
        .map_err(|wrong| Error::new(format!("`initialize` is wrong: {wrong}")))?;
    let greeting = json!({
        "capabilities": capabilities(),
        "serverInfo": { "name": "kiln", "version": env!("CARGO_PKG_VERSION") },
    });
    connection.initialize_finish(id, greeting).map_err(protocol)?;
    Server::new(connection, World::new(store_of, &params.capabilities), &params.capabilities).run()
}

fn protocol(wrong: lsp_server::ProtocolError) -> Error {
    // It may have a whole file in it.
    let wrong: String = wrong.to_string().chars().take(200).collect();
    Error::new(format!("this is no editor: {wrong}"))
        .help("`kiln lsp` is started by an editor; the README says how")
}

/// What the server can.
fn capabilities() -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Incremental),
        save: Some(Save::Bool(true)),
        ..TextDocumentSyncOptions::default()
    };
    let completion = CompletionOptions {
        trigger_characters: Some(TRIGGERS.map(str::to_owned).to_vec()),
        ..CompletionOptions::default()
    };
    let rename = RenameOptions { prepare_provider: Some(true), ..RenameOptions::default() };
    let actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QuickFix, CodeActionKind::SourceFixAll]),
        ..CodeActionOptions::default()
    };
    ServerCapabilities {
        text_document_sync: Some(sync.into()),
        completion_provider: Some(completion),
        hover_provider: Some(true.into()),
        definition_provider: Some(true.into()),
        references_provider: Some(true.into()),
        rename_provider: Some(rename.into()),
        code_action_provider: Some(actions.into()),
        code_lens_provider: Some(CodeLensOptions::default()),
        document_formatting_provider: Some(true.into()),
        ..ServerCapabilities::default()
    }
}

/// A request that may take long, with the world as it was when it was asked.
type Job = (Request, &'static Ability, World);

struct Server<'a> {
    connection: &'a Connection,
    world: World,
    published: Published,
    /// Where slow requests are answered.
    worker: mpsc::Sender<Job>,
    /// Whether the editor asks for lenses again when it is told to.
    refreshes_lenses: bool,
    /// Whether what is wrong with the texts has to be told again.
    is_stale: bool,
}

impl<'a> Server<'a> {
    fn new(connection: &'a Connection, world: World, client: &ClientCapabilities) -> Self {
        let (worker, jobs) = mpsc::channel::<Job>();
        let sender = connection.sender.clone();
        thread::spawn(move || {
            for (request, ability, world) in jobs {
                // Nobody listens any more once the editor is gone.
                _ = sender.send(answered(request, ability, &world).into());
            }
        });
        let lenses = client.workspace.as_ref().and_then(|it| it.code_lens.as_ref()?.refresh_support);
        let (published, refreshes_lenses) = (Published::default(), lenses.unwrap_or(false));
        Self { connection, world, published, worker, refreshes_lenses, is_stale: false }
    }

    fn run(mut self) -> Result<()> {
        while let Some(message) = self.next() {
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request).map_err(protocol)? {
                        return Ok(());
                    }
                    self.request(request);
                }
                Message::Notification(notification) => self.notification(notification),
                Message::Response(_) => {}
            }
        }
        Err(Error::new("the editor is gone, and did not say `shutdown`"))
    }

    /// The next message; before it is waited for, what the last ones changed is told.
    fn next(&mut self) -> Option<Message> {
        if let Ok(message) = self.connection.receiver.try_recv() {
            return Some(message);
        }
        if std::mem::take(&mut self.is_stale) {
            self.published.tell(&self.world, &|message| send(self.connection, message));
        }
        self.connection.receiver.recv().ok()
    }

    fn request(&mut self, request: Request) {
        match Ability::named(&request.method) {
            Some(ability) if ability.is_slow => {
                _ = self.worker.send((request, ability, self.world.clone()));
            }
            Some(ability) => self.send(answered(request, ability, &self.world).into()),
            None => {
                let message = format!("`{}` is not known here", request.method);
                let refused = Err(error(ErrorCode::MethodNotFound, message));
                self.send(Response { id: request.id, response_result: refused }.into());
            }
        }
    }

    fn notification(&mut self, Notification { method, params }: Notification) {
        match method.as_str() {
            "textDocument/didOpen" => {
                let Some(DidOpenTextDocumentParams { text_document: it }) = read(params) else { return };
                self.published.forget(&it.uri);
                self.world.open(it);
            }
            "textDocument/didChange" => {
                let Some(DidChangeTextDocumentParams { text_document: it, content_changes }) = read(params)
                else {
                    return;
                };
                let uri = it.text_document_identifier.uri;
                self.published.forget(&uri);
                self.world.change(&uri, it.version, content_changes);
            }
            "textDocument/didClose" => {
                let Some(DidCloseTextDocumentParams { text_document: it }) = read(params) else { return };
                self.world.close(&it.uri);
            }
            // A run may have been made, or an image may have come.
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.refresh_lenses(),
            _ => return,
        }
        self.is_stale = true;
    }

    fn refresh_lenses(&self) {
        if self.refreshes_lenses {
            let id = "lenses".to_owned().into();
            self.send(Request::new(id, "workspace/codeLens/refresh".to_owned(), Value::Null).into());
        }
    }

    fn send(&self, message: Message) {
        send(self.connection, message);
    }
}

fn send(connection: &Connection, message: Message) {
    // Nobody listens any more once the editor is gone.
    _ = connection.sender.send(message);
}

fn answered(request: Request, ability: &Ability, world: &World) -> Response {
    Response { id: request.id, response_result: ability.answer(world, request.params) }
}

/// What a notification says; what can't be read is none.
fn read<T: DeserializeOwned>(params: Value) -> Option<T> {
    serde_json::from_value(params).ok()
}

//! An application: loaded from the definitions below a folder, run until it is to end, stopped in order.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use super::catalog::{Catalog, CatalogEntries};
use super::checking;
use super::definition::{self, Definition};
use super::kinds::{PROCESS, TERMINAL};
use super::link::Linked;
use super::problem::{self, Problem};
use super::registry::Registry;
use super::supervisor::{End, News, Supervisor, add_terminal};
use crate::modules::{self, env::storage, fs};
use crate::runtime::core::RuntimeCore;
use crate::runtime::data::Data;
use crate::runtime::errors::{ErrorData, INTERNAL};
use crate::runtime::interrupt::DEADLINE;
use crate::runtime::process::Process;
use crate::runtime::system::{Builder, System, spawn_entry};
use crate::vm::image::Image;

/// The terminal host of an application that defines none.
const IMPLICIT_TERMINAL: &str = "moonlet:terminal";

/// Why there is no application.
pub enum LoadError {
    /// The definitions are wrong.
    Wrong(Vec<Problem>),
    /// The system refuses threads.
    System(std::io::Error),
}

/// A process entry that can be run by name.
pub struct Command {
    /// Its name.
    pub name: String,
    /// What it does, if its definition says so.
    pub description: String,
    /// The id of the entry.
    pub id: Arc<str>,
}

/// See the module header.
pub struct Application {
    system: System,
    catalog: Arc<Catalog>,
    supervisor: Supervisor,
    news: Sender<News>,
}

/// Lets others end an application.
#[derive(Clone)]
pub struct Stopper {
    news: Sender<News>,
    core: Arc<RuntimeCore>,
}

impl Stopper {
    /// Asks the application to end.
    pub fn stop(&self) {
        // Nobody listens any more if it has ended.
        let _ = self.news.send(News::Stop);
    }

    /// Ends its processes at once.
    pub fn kill(&self) {
        self.stop();
        self.core.terminate_all();
    }
}

/// All definitions below a folder, linked with an image. What is harmless is put into `warnings`.
///
/// # Errors
/// Everything that is wrong.
fn link_folder(root: &Path, image: &Image, warnings: &mut Vec<Problem>) -> Result<Linked, Vec<Problem>> {
    let (definitions, mut problems) = definition::load(root);
    if definitions.is_empty() && problems.is_empty() {
        let place = problem::Place { file: root.into(), line: 0 };
        let message = "no entries: there is no YAML or JSON file with a namespace below this folder".to_owned();
        problems.push(Problem::new(place, message));
    }
    let linked = Linked::link(image, definitions.into_iter().map(Arc::new), &Linked::default(), warnings);
    let linked = linked.and_then(|linked| {
        let found = checking::check_on_load(&linked.definitions);
        let (harmless, wrong): (Vec<_>, Vec<_>) = found.into_iter().partition(|problem| problem.harmless);
        warnings.extend(harmless);
        if wrong.is_empty() { Ok(linked) } else { Err(wrong) }
    });
    match linked {
        Ok(linked) if problems.is_empty() => Ok(linked),
        linked => {
            problems.extend(linked.err().unwrap_or_default());
            problem::sort(&mut problems);
            Err(problems)
        }
    }
}

impl Application {
    /// Loads the definitions below a folder and makes a system for them; nothing runs yet. What is harmless is put into
    /// `warnings`.
    ///
    /// # Errors
    /// Everything that is wrong with the definitions, or what the system refuses.
    pub fn load(root: &Path, builder: Builder, warnings: &mut Vec<Problem>) -> Result<Application, LoadError> {
        let mut modules = modules::built_in();
        modules.add_built_in(Registry);
        let image = modules::image(&modules, true);
        let linked = link_folder(root, &image, warnings).map_err(LoadError::Wrong)?;
        problem::sort(warnings);
        let catalog = Catalog::new(root.to_owned(), linked);
        let entries = Box::new(CatalogEntries(Arc::clone(&catalog)));
        let system = builder.modules(modules).build(image, entries).map_err(LoadError::System)?;
        let unreadable = storage::read_files(system.core()).into_iter().map(|failure| ("file_path", failure));
        let unreadable = unreadable.chain(fs::pack(system.core()).into_iter().map(|failure| ("directory", failure)));
        let current = catalog.current();
        let problem = |(field, (id, message)): (&str, (String, String))| {
            Some(current.linked.definitions.get(&*id)?.problem(field, message))
        };
        let problems: Vec<Problem> = unreadable.filter_map(problem).collect();
        if !problems.is_empty() {
            return Err(LoadError::Wrong(problems));
        }
        let (sender, news) = mpsc::channel();
        let supervisor = Supervisor::new(system.core(), &catalog, sender.clone(), news);
        Ok(Application { system, catalog, supervisor, news: sender })
    }

    /// Its entries.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// What all its processes share.
    pub fn core(&self) -> &Arc<RuntimeCore> {
        self.system.core()
    }

    /// What ends it.
    pub fn stopper(&self) -> Stopper {
        Stopper { news: self.news.clone(), core: Arc::clone(self.core()) }
    }

    /// Its commands, by name.
    pub fn commands(&self) -> Vec<Command> {
        let version = self.catalog.current();
        let command = |definition: &Arc<Definition>| {
            let command = definition.meta.get("command")?;
            let text = |name| command.get(name).and_then(Data::as_str);
            let description = text("short").or_else(|| text("description"));
            let description = description.or_else(|| definition.meta.get("comment").and_then(Data::as_str));
            Some(Command {
                name: text("name")?.to_owned(),
                description: description.unwrap_or_default().to_owned(),
                id: Arc::clone(&definition.id),
            })
        };
        let mut commands: Vec<Command> = version.linked.of_kinds(&[PROCESS]).filter_map(command).collect();
        commands.sort_by(|a, b| a.name.cmp(&b.name));
        commands
    }

    /// Whether it has anything to run but commands.
    pub fn has_services(&self) -> bool {
        self.supervisor.has_services()
    }

    /// Starts what starts by itself. `Some` if it has come to its end thereby.
    pub fn boot(&mut self) -> Option<End> {
        self.supervisor.boot()
    }

    /// Looks after what has started until the application ends.
    pub fn run(&mut self) -> End {
        self.supervisor.run(None)
    }

    /// Starts what starts by itself, then runs a command on the terminal host until it ends.
    ///
    /// # Errors
    /// If the command cannot be started.
    pub fn run_command(&mut self, command: &Command, arguments: &[Vec<u8>]) -> Result<End, ErrorData> {
        let terminal = self.terminal();
        self.supervisor.want(&terminal);
        if let Some(end) = self.boot() {
            return Ok(end);
        }
        let process = self.start_command(&terminal, command, arguments)?;
        Ok(self.supervisor.run(Some(process)))
    }

    /// The id of the terminal host.
    fn terminal(&self) -> String {
        let version = self.catalog.current();
        if let Some(definition) = version.linked.of_kinds(&[TERMINAL]).next() {
            return definition.id.to_string();
        }
        add_terminal(self.core(), IMPLICIT_TERMINAL, &self.news);
        if let Some(host) = self.core().hosts.find(IMPLICIT_TERMINAL) {
            host.set_state(crate::runtime::hosts::HostState::Running);
        }
        IMPLICIT_TERMINAL.to_owned()
    }

    fn start_command(
        &self,
        terminal: &str,
        command: &Command,
        arguments: &[Vec<u8>],
    ) -> Result<Arc<Process>, ErrorData> {
        let core = self.core();
        let host = core.hosts.for_spawn(terminal)?;
        // The first command is the only one.
        let _ = host.arguments.set(arguments.to_vec());
        let arguments: Vec<Data> = arguments.iter().map(|argument| Data::from(&**argument)).collect();
        let arguments = Data::pack(core, &arguments).ok_or_else(|| ErrorData::plain(INTERNAL, "not enough memory"))?;
        // The host tells the supervisor of the end.
        spawn_entry(core, &host, &command.id, &arguments, None, Box::new(drop))
    }

    /// Stops everything. After an end that somebody asked for, processes that are no services get time to end, too. Says
    /// whether services were given the time to end.
    pub fn stop(mut self, end: &End) -> bool {
        let patient = self.supervisor.stop();
        let deadline = if patient && matches!(end, End::Stopped) { DEADLINE } else { Duration::ZERO };
        self.system.shutdown(deadline);
        patient
    }
}

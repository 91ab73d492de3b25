//! `kiln show`: a pipeline file as it is once everything is put where it belongs.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::{SetArgs, check};
use crate::{
    error::{Error, ErrorKind, Result},
    nodes::KINDS,
    plan,
    spec::{DocPath, Draft, MessageFormat, Origins, Source, show},
};

/// What `kiln show` is asked.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The pipeline file to show
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Say beside each value where it comes from: a line of a file, `--set`, the environment or a default
    #[arg(long)]
    pub origin: bool,
    /// Write out the values of keys that were left out
    #[arg(long)]
    pub defaults: bool,
    /// Show a sweep as it is at this point, e.g. lr=0.1; without it, `matrix` and what depends on it stay as written
    #[arg(long, value_name = "POINT")]
    pub point: Option<String>,
    /// Print it as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub set: SetArgs,
}

/// Prints the file without `extends`, `params`, and references: valid input again, beside the file.
///
/// # Errors
/// When the file is wrong.
pub fn show(args: &ShowArgs, format: MessageFormat) -> Result<()> {
    let (source, draft) = plan::draft(&args.file, &args.set.overrides, args.point.as_deref(), KINDS)
        .map_err(|rejected| {
            check::show(&rejected, format);
            Error::of_kind(rejected.error(), ErrorKind::Invalid)
        })?;
    let shown = Shown::new(&source, &draft, args.defaults);
    match (args.json, args.origin) {
        (false, origin) => {
            print!("{}", show::yaml(&shown.document, &|path| origin.then(|| shown.origin(path))));
        }
        (true, false) => println!("{}", shown.document),
        (true, true) => {
            super::json::print(&json!({ "origins": shown.origins(), "document": shown.document }));
        }
    }
    Ok(())
}

/// What is shown of a file.
struct Shown<'a> {
    source: &'a Source,
    origins: &'a Origins,
    /// What the file says.
    said: Value,
    /// What is shown of it, and the defaults if asked for.
    document: Value,
}

impl<'a> Shown<'a> {
    fn new(source: &'a Source, draft: &'a Draft, defaults: bool) -> Self {
        if let Some(sweep) = &draft.sweep {
            let (said, document) = (sweep.document.clone(), sweep.document.clone());
            return Self { source, origins: &sweep.origins, said, document };
        }
        let said = draft.document();
        let spec = draft.spec().filter(|_| defaults);
        let document = spec.map_or_else(
            || said.clone(),
            |spec| serde_json::to_value(spec).expect("a spec is plain data with text keys"),
        );
        Self { source, origins: &draft.origins, said, document: show::escaped(document) }
    }

    fn origin(&self, path: &DocPath) -> String {
        match path.of(&self.said) {
            Some(_) => self.origins.told(self.source, path),
            None => "default".to_owned(),
        }
    }

    fn origins(&self) -> Map<String, Value> {
        let mut leaves = Vec::new();
        show::leaves(&self.document, &DocPath::default(), &mut leaves);
        leaves.into_iter().map(|path| (path.to_string(), self.origin(&path).into())).collect()
    }
}

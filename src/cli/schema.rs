//! `kiln schema`: the JSON Schema of pipeline files, for editors.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

use super::output;
use crate::{
    error::{Error, Result},
    shown,
    spec::schema,
};

/// What `kiln schema` is asked.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Where to write it
    #[arg(default_value = schema::PATH, value_name = "FILE")]
    pub file: PathBuf,
    /// Print the schema and write no file
    #[arg(long, conflicts_with = "file")]
    pub stdout: bool,
}

/// Writes the published schema.
///
/// # Errors
/// If the file can't be written.
pub fn schema(args: &SchemaArgs) -> Result<()> {
    if args.stdout {
        print!("{}", schema::PUBLISHED);
        return Ok(());
    }
    write(&args.file)?;
    output::remark(&format!("wrote {}", shown::path(&args.file)));
    Ok(())
}

fn write(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
    }
    fs::write(file, schema::PUBLISHED).map_err(|error| Error::io("write", file, error))
}

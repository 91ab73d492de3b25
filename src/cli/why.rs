//! `kiln why`: in what a node's recipe differs from that of its last result.

use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    Project, SetArgs, StoreArgs,
    changed_images::{ChangedImages, images, images_now},
    json, load_or_show, output,
};
use crate::{
    error::Result,
    plan::Plan,
    run::{self, Amount, Difference, Forecast, Reason, forecast, why::Last},
    shown,
    spec::MessageFormat,
    store::{Digest, Store},
};

/// What `kiln why` is asked.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The pipeline file that the node is in
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The node in question
    #[arg(value_name = "NODE")]
    pub node: String,
    /// Print it as one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub set: SetArgs,
    #[command(flatten)]
    pub store: StoreArgs,
}

/// A node and why it would run, as `kiln why --json` prints it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Explained {
    #[serde(flatten)]
    forecast: Forecast,
    /// The images that came, went or changed, where that is why.
    images: ChangedImages,
}

/// Shows why a node would run.
///
/// # Errors
/// When the file is wrong, has no such node, or a source can't be read.
pub fn why(args: &WhyArgs, format: MessageFormat) -> Result<()> {
    let loaded = load_or_show(&args.file, &args.set, format)?;
    let index = run::must_exist(&loaded.plan, &args.node)?;
    let store = Store::peek(&Project::of_file(&args.file, &args.store).store)?;
    let forecast = forecast(&loaded.plan, &store)?.swap_remove(index);
    let images = changed_images(&forecast, &loaded.plan, index, &store);
    if args.json {
        json::print(&Explained { forecast, images });
    } else {
        output::prose(&text(&forecast));
        images.lines().iter().for_each(|line| output::prose(&format!("  {line}\n")));
    }
    Ok(())
}

/// In what the images of the node's dataset, or those that it reads as a dataset itself, are not those of the last result.
fn changed_images(forecast: &Forecast, plan: &Plan, index: usize, store: &Store) -> ChangedImages {
    let Some(Reason::Changed { last, differences, .. }) = &forecast.why else {
        return ChangedImages::default();
    };
    let of_result = |digest: &Option<Value>| {
        let digest = digest.as_ref()?.as_str()?.to_owned();
        let entry = store.entries().into_iter().find(|entry| entry.manifest.digest.to_string() == digest)?;
        images(&store.find(entry.manifest.key)?)
    };
    let own = || {
        Some((
            images(&store.find(last.key.parse().ok()?)?)?,
            images_now(&plan.steps()[index], &plan.base, store)?,
        ))
    };
    let inputs = || differences.iter().filter(|difference| difference.field.starts_with("inputs."));
    let of_inputs =
        || inputs().find_map(|difference| Some((of_result(&difference.old)?, of_result(&difference.new)?)));
    own()
        .or_else(of_inputs)
        .map(|(before, after)| ChangedImages::between(&before, &after))
        .unwrap_or_default()
}

fn text(forecast: &Forecast) -> String {
    let node = &forecast.node;
    match &forecast.why {
        None => format!("`{node}` is in the store as {}\n", forecast.key.as_deref().unwrap_or_default()),
        Some(Reason::Changed { last, differences, finished }) => {
            changed(node, last, differences, finished.as_ref())
        }
        Some(Reason::NeverRun) => {
            format!("`{node}` would run: the store has no result of a `{}` node\n", forecast.kind)
        }
        Some(reason) => format!("`{node}` would run: {}\n", shown::text(&reason.to_string())),
    }
}

fn changed(node: &str, last: &Last, differences: &[Difference], finished: Option<&Amount>) -> String {
    let Last { key, pipeline, node: other, created, .. } = last;
    let mut text = format!(
        "`{node}` would run: its recipe is not that of {} (`{other}` of {pipeline}, {created})\n",
        &key[..12],
        other = shown::text(other),
        pipeline = shown::text(pipeline),
        created = shown::text(created),
    );
    let fields: Vec<_> = differences.iter().map(|difference| shown::text(&difference.field)).collect();
    let width = fields.iter().map(|field| field.chars().count()).max().unwrap_or(0);
    for (field, Difference { old, new, .. }) in fields.iter().zip(differences) {
        let (old, new) = (value(old.as_ref()), value(new.as_ref()));
        text.push_str(&format!("  {field:<width$}  {old} -> {new}\n"));
    }
    if let Some(less) = finished {
        text.push_str(&format!("  {less}\n"));
    }
    text
}

/// A value; of a digest, the first digits.
fn value(value: Option<&Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(Value::String(text)) if text.parse::<Digest>().is_ok() => text[..12].to_owned(),
        Some(value) => shown::text(&value.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn old_and_new_values_stand_side_by_side() {
        let last = Last {
            key: "a".repeat(64),
            pipeline: "mnist160".into(),
            node: "fit".into(),
            created: "2026-11-23T22:17:50Z".into(),
            own: true,
        };
        let of = |field: &str, old, new| Difference { field: field.to_owned(), old, new };
        let differences = [
            of("inputs.dataset", Some(json!("b".repeat(64))), Some(json!("c".repeat(64)))),
            of("params.epochs", Some(json!(3)), Some(json!(5))),
            of("params.weights", Some(json!("x.pt")), None),
            of("params.note\u{1b}", Some(json!("é".repeat(32))), Some(json!("\u{202e}"))),
        ];
        let epochs = Amount {
            key: "epochs".into(),
            value: 3,
            result: "a".repeat(64).parse().unwrap(),
            obstacle: Some("it was cut short".into()),
        };
        insta::assert_snapshot!(changed("fit", &last, &differences, Some(&epochs)), @r#"
        `fit` would run: its recipe is not that of aaaaaaaaaaaa (`fit` of mnist160, 2026-11-23T22:17:50Z)
          inputs.dataset     bbbbbbbbbbbb -> cccccccccccc
          params.epochs      3 -> 5
          params.weights     "x.pt" -> none
          params.note\u{1b}  "éééééééééééééééééééééééééééééééé" -> "\u{202e}"
          can't go on from the finished run with `epochs: 3`: it was cut short
        "#);
    }
}

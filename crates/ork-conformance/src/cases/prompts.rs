//! Prompts with their versions, and prices.

use ork_core::error::StoreError;
use ork_core::id::WorkspaceId;
use ork_core::step::Rates;
use ork_core::store::{NewPrompt, PriceRow, PromptRow, PromptVariable};

use crate::OTHER;
use crate::bed::{Bed, ada};

const OWN: WorkspaceId = WorkspaceId::DEFAULT;

fn new(bed: &Bed, id: &str, text: &str) -> NewPrompt {
    let described =
        PromptVariable { name: "n".into(), description: Some("how \"many\"".into()), default: Some(3.into()) };
    NewPrompt {
        workspace: OWN,
        id: id.into(),
        category: Some("media".into()),
        context: None,
        text: text.into(),
        variables: vec![described],
        actor: ada(),
        now: bed.now,
    }
}

async fn put(bed: &Bed, new: &NewPrompt) -> PromptRow {
    bed.store.put_prompt(new).await.expect("a prompt is stored")
}

fn versions(rows: &[PromptRow]) -> Vec<(String, u32, u32)> {
    rows.iter().map(|row| (row.id.clone(), row.version, row.latest)).collect()
}

pub async fn a_prompt_has_a_version_for_each_text(bed: &mut Bed) {
    let first = put(bed, &new(bed, "captions", "one {{ vars.n }}\nü")).await;
    assert_eq!((first.version, first.latest, first.text.as_str()), (1, 1, "one {{ vars.n }}\nü"));
    assert_eq!(first.variables, new(bed, "captions", "").variables);
    assert_eq!((first.created_by.as_str(), first.created_at), ("ada", bed.now));
    bed.pass(1_000);
    let renamed =
        NewPrompt { category: None, context: Some("clips".into()), ..new(bed, "captions", "one {{ vars.n }}\nü") };
    let same = put(bed, &renamed).await;
    assert_eq!((same.version, same.created_at), (1, first.created_at), "the same text is no new version");
    assert_eq!((same.category, same.context.as_deref()), (None, Some("clips")));
    assert_eq!(put(bed, &new(bed, "captions", "two")).await.version, 2);
    let bare = NewPrompt { variables: Vec::new(), ..new(bed, "captions", "two") };
    assert_eq!(put(bed, &bare).await.version, 3, "other variables are another version");
    put(bed, &new(bed, "titles", "x")).await;
    let store = &bed.store;
    let read = |version| store.prompt(OWN, "captions", version);
    let text = |row: Result<Option<PromptRow>, StoreError>| {
        row.expect("a prompt is answered").map(|row| (row.version, row.text))
    };
    assert_eq!(text(read(None).await), Some((3, "two".into())));
    assert_eq!(text(read(Some(1)).await), Some((1, "one {{ vars.n }}\nü".into())));
    assert_eq!((text(read(Some(4)).await), text(read(Some(0)).await)), (None, None));
    let listed = store.prompts(OWN, None, 10).await.expect("prompts are listed");
    assert_eq!(versions(&listed), [("captions".into(), 3, 3), ("titles".into(), 1, 1)]);
    assert_eq!(versions(&store.prompts(OWN, Some("captions"), 10).await.expect("they are listed")).len(), 1);
    let older = store.prompt_versions(OWN, "captions", Some(3), 1).await.expect("versions are listed");
    assert_eq!(versions(&older), [("captions".into(), 2, 3)], "newest first");
    // They are of one workspace.
    assert_eq!(store.prompt(OTHER, "captions", None).await, Ok(None));
    assert_eq!(store.prompts(OTHER, None, 10).await, Ok(vec![]));
    let theirs = put(bed, &NewPrompt { workspace: OTHER, ..new(bed, "captions", "theirs") }).await;
    assert_eq!((theirs.version, text(read(None).await).map(|row| row.0)), (1, Some(3)));
    let nowhere = bed.new_workspace_id();
    let refused = bed.store.put_prompt(&NewPrompt { workspace: nowhere, ..new(bed, "x", "x") }).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
}

fn price(bed: &Bed, model: &str, input: u64) -> PriceRow {
    let rates = Rates { input, output: 15_000_000, cached: 1 };
    PriceRow { model: model.into(), rates, updated_by: "ada".into(), updated_at: bed.now }
}

pub async fn models_have_prices(bed: &mut Bed) {
    let (small, large) = (price(bed, "acme/small:1", 1), price(bed, "large", 3_000_000));
    for row in [&large, &small] {
        bed.store.set_price(OWN, row).await.expect("a price is set");
    }
    assert_eq!(bed.store.prices(OWN).await, Ok(vec![small.clone(), large]));
    bed.pass(1);
    let now = price(bed, "large", 2);
    bed.store.set_price(OWN, &now).await.expect("a price is set");
    assert_eq!(bed.store.prices(OWN).await, Ok(vec![small, now.clone()]));
    assert_eq!(bed.store.prices(OTHER).await, Ok(vec![]));
    assert_eq!(bed.store.delete_price(OTHER, "large").await, Ok(false));
    assert_eq!(bed.store.delete_price(OWN, "acme/small:1").await, Ok(true));
    assert_eq!(bed.store.delete_price(OWN, "acme/small:1").await, Ok(false));
    assert_eq!(bed.store.prices(OWN).await, Ok(vec![now.clone()]));
    let nowhere = bed.new_workspace_id();
    let refused = bed.store.set_price(nowhere, &now).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
}

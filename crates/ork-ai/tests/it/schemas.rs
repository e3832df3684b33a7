//! Answers that are JSON.

use ork_core::step::AiApi;
use ork_doubles::llm::{Behaviour, Script};
use serde_json::{Value, json};

use crate::scene::{APIS, ask, words};

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["title", "tags"],
        "additionalProperties": false,
        "properties": {
            "title": {"type": "string", "maxLength": 10},
            "tags": {"type": "array", "minItems": 1, "items": {"enum": ["red", "blue"]}},
        },
    })
}

/// The value of an answer, or why there is none.
async fn asked(api: AiApi, behaviour: Behaviour) -> Result<Value, String> {
    let ended = ask(api, Script::always(behaviour), |call| call.schema = Some(schema())).await;
    assert!(ended.entry.schema.is_some(), "the provider was told what the answer must be: {:?}", ended.result);
    let said = words(&ended.result);
    ended.result.map(|answer| answer.value.unwrap()).map_err(|_| said)
}

#[tokio::test]
async fn an_answer_that_is_what_its_schema_says_is_a_value() {
    let value = json!({"title": "Rosen", "tags": ["red"]});
    for api in APIS {
        assert_eq!(asked(api, Behaviour::json(value.clone())).await, Ok(value.clone()));
    }
}

#[tokio::test]
async fn an_answer_that_is_not_is_told_where() {
    let wrong = [
        (Behaviour::json(json!({"title": "Rosen", "tags": ["red", "green"]})), "`tags[1]` is none of the values"),
        (Behaviour::json(json!({"title": "Rosen", "tags": []})), "`tags` has 0 items"),
        (Behaviour::json(json!({"title": "Rosen sind rot", "tags": ["red"]})), "`title` has 14 characters"),
        (Behaviour::json(json!({"tags": ["red"]})), "it has no `title`"),
        (Behaviour::json(json!({"title": "", "tags": ["red"], "more": 1})), "`more` must not be there"),
        (Behaviour::json(json!([])), "it must be of type object"),
    ];
    for (behaviour, expected) in wrong {
        for api in APIS {
            let said = asked(api, behaviour.clone()).await.unwrap_err();
            assert!(said.starts_with("unusable ("), "its tokens are known: {said}");
            assert!(said.contains("the answer is not what its schema says: ") && said.contains(expected), "{said}");
        }
    }
}

/// 60 and 61: what a model writes is somebody else's text.
#[tokio::test]
async fn an_answer_that_is_no_value_is_refused() {
    let deep = "[".repeat(100) + &"]".repeat(100);
    let deeper = "[".repeat(200) + &"]".repeat(200);
    let wrong = [
        ("{\"title\": \"Ro".to_owned(), "not valid JSON"),
        ("```json\n{}\n```".to_owned(), "not valid JSON"),
        ("{\"title\": \"a\\u0000b\", \"tags\": [\"red\"]}".to_owned(), "NUL"),
        (deep, "levels deep"),
        (deeper, "not valid JSON"),
        (String::new(), "not valid JSON"),
    ];
    for (text, expected) in wrong {
        for api in APIS {
            let said = asked(api, Behaviour::text(&text)).await.unwrap_err();
            assert!(said.starts_with("unusable (") && said.contains(expected), "{said}");
        }
    }
}

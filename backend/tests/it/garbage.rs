//! A card provider, or whoever answers in its place, that says what nobody can act on: it is no answer, never a yes or a no.

use backend::identity::{Keys, Secret};
use backend::payment::provider::{Authorization, Authorize, CardProvider as _, ProviderError, Release};
use backend::payment::{CardService, CardToken, HttpCard};
use domain::{Currency, Money};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PRICE: Money = Money::new(510, Currency::USD);

/// The client of a provider that answers every connection with these bytes and closes it.
async fn provider(answer: Vec<u8>) -> HttpCard {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // Whatever it was, and whether or not anybody still listens.
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    let service = CardService { url, notify: None, public: None };
    HttpCard::new(service, &Keys::new(&[Secret::new("for tests")]).expect("a key")).expect("a client")
}

async fn authorize(card: &HttpCard) -> Result<Authorization, ProviderError> {
    let token = CardToken::new("tok_ok");
    card.authorize(Authorize { key: "k", amount: PRICE, token: &token, description: "d", return_path: None }).await
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn nonsense_is_no_answer() {
    let large = format!(r#"{{"id":"{}","status":"captured"}}"#, "x".repeat(70_000));
    let page = "<html><body>Welcome to the hotel's network</body></html>";
    for answer in [
        Vec::new(),
        b"220 mail.example ESMTP\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":\"pay_1\",\"status\":\"captured\"}".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        http("200 OK", ""),
        http("200 OK", "null"),
        http("200 OK", "[]"),
        http("200 OK", page),
        http("200 OK", &large),
        http("200 OK", r#"{"status":"captured"}"#),
        http("200 OK", r#"{"id":"pay_1","status":"on_fire"}"#),
        http("200 OK", r#"{"id":"pay_1","status":"captured""#),
        http("302 Found\r\nlocation: http://127.0.0.1:9/", ""),
        http("400 Bad Request", page),
        http("402 Payment Required", page),
        http("409 Conflict", "{}"),
        http("422 Unprocessable Entity", "null"),
        http("404 Not Found", r#"{"code":"not_found"}"#),
        http("429 Too Many Requests", r#"{"code":"rate_limited"}"#),
        http("500 Internal Server Error", r#"{"code":"card_declined"}"#),
        http("503 Service Unavailable", page),
    ] {
        let text = String::from_utf8_lossy(&answer).chars().take(120).collect::<String>();
        let card = provider(answer).await;
        assert!(matches!(authorize(&card).await, Err(ProviderError::NoAnswer(_))), "{text}");
        assert!(matches!(card.capture("k", "r", PRICE).await, Err(ProviderError::NoAnswer(_))), "{text}");
        assert!(matches!(card.void("k", None).await, Err(ProviderError::NoAnswer(_))), "{text}");
        assert!(matches!(card.refund("k2", "k", "r", PRICE).await, Err(ProviderError::NoAnswer(_))), "{text}");
    }
}

#[tokio::test]
async fn a_shopper_is_led_to_pages_alone() {
    let asks = async |url: &str| {
        let answer = format!(r#"{{"id":"pay_1","status":"action_required","action_url":"{url}"}}"#);
        authorize(&provider(http("200 OK", &answer)).await).await
    };
    for url in ["javascript:alert(1)", "data:text/html,x", "mailto:a@b.example", "//evil.example", "bank.example", "https://a\\u0000", ""] {
        assert!(matches!(asks(url).await, Err(ProviderError::NoAnswer(_))), "{url}");
    }
    for url in ["https://bank.example/confirm?a=1", "/pay-sim/confirm/1"] {
        assert_eq!(asks(url).await, Ok(Authorization::ActionRequired { reference: "pay_1".to_owned(), url: url.to_owned() }));
    }
}

/// What is well said and means something else than what was asked for.
#[tokio::test]
async fn an_answer_to_another_question_is_not_taken_for_a_yes() {
    let says = async |status: &str| provider(http("200 OK", &format!(r#"{{"id":"pay_1","status":"{status}"}}"#))).await;
    for status in ["pending", "action_required", "authorized"] {
        let card = says(status).await;
        assert!(card.capture("k", "r", PRICE).await.is_err(), "{status}");
        assert!(matches!(card.void("k", None).await, Err(ProviderError::NoAnswer(_))), "{status}");
        assert!(matches!(card.refund("k2", "k", "r", PRICE).await, Err(ProviderError::NoAnswer(_))), "{status}");
    }
    // Where the shopper has to confirm and nobody says where, it is waited for.
    assert_eq!(authorize(&says("action_required").await).await, Ok(Authorization::Pending { reference: "pay_1".to_owned() }));
    assert_eq!(says("declined").await.void("k", None).await, Ok(Release::Voided));
    let refused = provider(http("409 Conflict", r#"{"code":"not_authorized"}"#)).await;
    assert_eq!(refused.capture("k", "r", PRICE).await, Err(ProviderError::Refused("not_authorized".to_owned())));
}

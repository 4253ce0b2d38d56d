//! The two HTTP libraries, each with its client for token requests and its authorized client, behind one face: the
//! body of a test is written once.

use std::future::Future;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use oauth_core::{
    Authorizer, ClientCredentials, ClientCredentialsBuilder, HttpClient, TokenSource, async_trait,
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::certificates::Identity;
use crate::server::{Place, SERVER};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// One of the two libraries, as one test uses it.
pub(crate) struct Backend {
    http_library: Library,
    /// How the server knows the test, and the library, apart from others: the `User-Agent`.
    pub(crate) name: String,
    identity: Option<Identity>,
    trusts_the_authority: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Reqwest,
    Isahc,
}

impl Library {
    pub(crate) const BOTH: [Self; 2] = [Self::Reqwest, Self::Isahc];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reqwest => "reqwest",
            Self::Isahc => "isahc",
        }
    }
}

impl Backend {
    pub(crate) fn new(library: Library, test: &str) -> Self {
        Self {
            http_library: library,
            name: format!("{}/{test}", library.name()),
            identity: None,
            trusts_the_authority: true,
        }
    }

    /// With a certificate for TLS, which all connections show that are asked for one.
    pub(crate) fn presenting(mut self, identity: &Identity) -> Self {
        self.identity = Some(identity.clone());
        self
    }

    /// The client for token requests.
    pub(crate) fn http_client(&self) -> Arc<dyn HttpClient> {
        match self.http_library {
            Library::Reqwest => Arc::new(
                oauth_reqwest::ReqwestHttpClient::configured(|builder| self.reqwest(builder))
                    .unwrap(),
            ),
            Library::Isahc => Arc::new(
                oauth_isahc::IsahcHttpClient::configured(|builder| self.isahc(builder)).unwrap(),
            ),
        }
    }

    /// The authorized client around a source, for the API of a place.
    pub(crate) fn client(&self, place: &Place, source: impl TokenSource + 'static) -> Client {
        let authorizer = Authorizer::new(source, [&place.api]).unwrap();
        let api: Arc<dyn Api> = match self.http_library {
            Library::Reqwest => {
                let builder = reqwest::Client::builder().redirect(oauth_reqwest::redirect_policy());
                let http = self.reqwest(builder.no_proxy()).build().unwrap();
                Arc::new(oauth_reqwest::Client::new(http, authorizer))
            }
            Library::Isahc => {
                use isahc::config::Configurable as _;
                let builder = isahc::HttpClient::builder();
                let http = self.isahc(builder.proxy(None)).build().unwrap();
                Arc::new(oauth_isahc::Client::new(http, authorizer))
            }
        };
        Client {
            api,
            url: format!("{}/", place.api),
        }
    }

    /// A client that is registered under `name` at a place, to be given what it authenticates with.
    pub(crate) fn source(&self, place: &Place, name: &str) -> ClientCredentialsBuilder {
        ClientCredentials::builder(place.token_url(), SERVER.client(name).id())
            .http_client(self.http_client())
    }

    /// The same, where only the issuer is known.
    pub(crate) fn discovering(&self, place: &Place, name: &str) -> ClientCredentialsBuilder {
        ClientCredentials::discover(&place.issuer, SERVER.client(name).id())
            .http_client(self.http_client())
    }

    /// A client that is registered under `name` and has a secret.
    pub(crate) fn with_secret(&self, place: &Place, name: &str) -> ClientCredentialsBuilder {
        self.source(place, name)
            .client_secret(SERVER.client(name).secret())
    }

    /// An answer of the API to a request without a token.
    pub(crate) fn ask(&self, place: &Place, path: &str) -> Value {
        let request = Request::get(format!("{}{path}", place.api));
        let request = request.body(Bytes::new()).unwrap();
        let response = wait(self.http_client().send(request)).unwrap();
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(response.body()).unwrap()
    }

    /// With no more trust than the machine has.
    pub(crate) fn distrusting(library: Library, test: &str) -> Self {
        Self {
            trusts_the_authority: false,
            ..Self::new(library, test)
        }
    }

    pub(crate) fn http_library(&self) -> Library {
        self.http_library
    }

    /// An assertion of a client, signed by the server's library, not by ours.
    pub(crate) fn assertion(&self, client: &str, audience: &str, key_id: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("client", client)
            .append_pair("aud", audience);
        if let Some(key_id) = key_id {
            query.append_pair("kid", key_id);
        }
        let answer = self.ask(&SERVER.plain, &format!("/assertion?{}", query.finish()));
        answer["assertion"].as_str().unwrap().to_owned()
    }

    /// What the server has seen of this test.
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.ask(&SERVER.plain, "/seen"))
    }

    fn reqwest(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        let mut builder = builder.user_agent(&self.name);
        if self.trusts_the_authority {
            let authority = SERVER.certificates.authority.as_bytes();
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(authority).unwrap()]);
        }
        if let Some(Identity { certificate, key }) = &self.identity {
            let identity = format!("{certificate}{key}");
            builder = builder.identity(reqwest::Identity::from_pem(identity.as_bytes()).unwrap());
        }
        builder
    }

    fn isahc(&self, builder: isahc::HttpClientBuilder) -> isahc::HttpClientBuilder {
        use isahc::config::Configurable as _;
        use isahc::tls::{Identity, PrivateKey, TlsConfig, TrustStore};
        let mut tls = TlsConfig::builder();
        if self.trusts_the_authority {
            let authority = SERVER.certificates.authority.clone();
            tls = tls.trust_store(
                TrustStore::builder()
                    .certificate_from_pem(authority)
                    .build(),
            );
        }
        if let Some(identity) = &self.identity {
            let (certificate, key) = identity.files(&self.name.replace('/', "-"));
            let key = PrivateKey::from_pem_file(key, None);
            tls = tls.identity(Identity::from_pem_file(certificate, Some(key)));
        }
        builder
            .default_header("user-agent", &self.name)
            .tls_config(tls.build())
    }
}

/// An authorized client.
#[derive(Clone)]
pub(crate) struct Client {
    api: Arc<dyn Api>,
    url: String,
}

impl Client {
    /// Calls the API.
    pub(crate) fn call(&self) -> Answer {
        self.send(Method::GET, "")
    }

    /// Calls the API with a method, and a query such as `?pause=10`.
    pub(crate) fn send(&self, method: Method, query: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{query}", self.url))
            .body(Bytes::new())
            .unwrap();
        let response = wait(self.api.send(request));
        Answer {
            status: response.status(),
            body: serde_json::from_slice(response.body()).unwrap_or_default(),
        }
    }
}

/// What an authorized client does, whichever it is.
#[async_trait]
trait Api: Send + Sync {
    async fn send(&self, request: Request<Bytes>) -> Response<Bytes>;
}

#[async_trait]
impl Api for oauth_reqwest::Client {
    async fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        let request = reqwest::Request::try_from(request).unwrap();
        let mut response = self.execute(request).await.unwrap();
        let mut whole = Response::builder().status(response.status());
        *whole.headers_mut().unwrap() = std::mem::take(response.headers_mut());
        whole.body(response.bytes().await.unwrap()).unwrap()
    }
}

#[async_trait]
impl Api for oauth_isahc::Client {
    async fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        use isahc::AsyncReadResponseExt as _;
        let request = request.map(|body| body.to_vec());
        let mut response = self.send_async(request).await.unwrap();
        let body = response.bytes().await.unwrap();
        response.map(|_| Bytes::from(body))
    }
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Value,
}

impl Answer {
    /// What the API found out about the token, which it must have taken.
    #[track_caller]
    pub(crate) fn token(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        &self.body
    }
}

/// What the server has seen of one test.
#[derive(Debug)]
pub(crate) struct Seen(Value);

impl Seen {
    pub(crate) fn tokens(&self) -> u64 {
        self.0["tokens"].as_u64().unwrap()
    }

    /// How often the API took a token.
    pub(crate) fn accepted(&self) -> u64 {
        self.0["api_accepted"].as_u64().unwrap()
    }

    /// The codes of the errors that the token endpoint answered.
    pub(crate) fn token_errors(&self) -> Vec<&str> {
        texts(&self.0["token_errors"])
    }

    /// What the API had against tokens: scheme, code and reason.
    pub(crate) fn api_errors(&self) -> Vec<&str> {
        texts(&self.0["api_errors"])
    }
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap()).collect()
}

//! What the asynchronous and the blocking client have in common but for the types of reqwest.

/// The methods of a client that start a request.
macro_rules! verbs {
    ($builder:ident) => {
        /// Starts a `GET` request.
        pub fn get(&self, url: impl reqwest::IntoUrl) -> $builder {
            self.request(reqwest::Method::GET, url)
        }

        /// Starts a `HEAD` request.
        pub fn head(&self, url: impl reqwest::IntoUrl) -> $builder {
            self.request(reqwest::Method::HEAD, url)
        }

        /// Starts a `POST` request.
        pub fn post(&self, url: impl reqwest::IntoUrl) -> $builder {
            self.request(reqwest::Method::POST, url)
        }

        /// Starts a `PUT` request.
        pub fn put(&self, url: impl reqwest::IntoUrl) -> $builder {
            self.request(reqwest::Method::PUT, url)
        }

        /// Starts a `PATCH` request.
        pub fn patch(&self, url: impl reqwest::IntoUrl) -> $builder {
            self.request(reqwest::Method::PATCH, url)
        }

        /// Starts a `DELETE` request.
        pub fn delete(&self, url: impl reqwest::IntoUrl) -> $builder {
            self.request(reqwest::Method::DELETE, url)
        }

        /// Starts a request with any method.
        pub fn request(&self, method: reqwest::Method, url: impl reqwest::IntoUrl) -> $builder {
            $builder::new(self.authorizer.clone(), self.http.request(method, url))
        }
    };
}

/// What is said about both clients and about their builders, which hold reqwest's builder, and with it the client.
macro_rules! request_builder {
    ($(#[$docs:meta])* $inner:ty, $request:ty, $body:ty, $multipart:ty) => {
        $(#[$docs])*
        #[must_use = "a request does nothing until it is sent"]
        pub struct RequestBuilder {
            authorizer: oauth_core::Authorizer,
            inner: $inner,
            extensions: http::Extensions,
        }

        impl RequestBuilder {
            pub(crate) fn new(authorizer: oauth_core::Authorizer, inner: $inner) -> Self {
                Self {
                    authorizer,
                    inner,
                    extensions: http::Extensions::new(),
                }
            }

            /// Applies any method of reqwest's builder.
            pub fn map(self, change: impl FnOnce($inner) -> $inner) -> Self {
                Self {
                    inner: change(self.inner),
                    ..self
                }
            }

            /// Adds what [`Authorizer::per_request`](oauth_core::Authorizer::per_request) is to know of the request, its
            /// tenant say, or a [`RequestSource`](oauth_core::RequestSource): whose token it bears. It is not sent, and
            /// not part of what [`build`](Self::build) gives: see `execute_with` of the client.
            pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
                self.extensions.insert(value);
                self
            }

            /// Adds a header. `Authorization` replaces the token.
            pub fn header<K, V>(self, key: K, value: V) -> Self
            where
                http::HeaderName: TryFrom<K>,
                <http::HeaderName as TryFrom<K>>::Error: Into<http::Error>,
                http::HeaderValue: TryFrom<V>,
                <http::HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
            {
                self.map(|inner| inner.header(key, value))
            }

            /// Sets headers, replacing those of the same names.
            pub fn headers(self, headers: http::HeaderMap) -> Self {
                self.map(|inner| inner.headers(headers))
            }

            /// Authorizes the request with name and password, in place of the token.
            pub fn basic_auth<U, P>(self, username: U, password: Option<P>) -> Self
            where
                U: std::fmt::Display,
                P: std::fmt::Display,
            {
                self.map(|inner| inner.basic_auth(username, password))
            }

            /// Authorizes the request with a token of your own, in place of the source's.
            pub fn bearer_auth<T: std::fmt::Display>(self, token: T) -> Self {
                self.map(|inner| inner.bearer_auth(token))
            }

            /// Sets the body.
            pub fn body<T: Into<$body>>(self, body: T) -> Self {
                self.map(|inner| inner.body(body))
            }

            /// Limits the time from the start of the request to the API until its body has been read. Waiting
            /// for a token, if there is none in hand, is not counted.
            pub fn timeout(self, timeout: std::time::Duration) -> Self {
                self.map(|inner| inner.timeout(timeout))
            }

            /// Sets the HTTP version.
            pub fn version(self, version: reqwest::Version) -> Self {
                self.map(|inner| inner.version(version))
            }

            /// Appends to the query of the URL.
            #[cfg(feature = "query")]
            pub fn query<T: serde::Serialize + ?Sized>(self, query: &T) -> Self {
                self.map(|inner| inner.query(query))
            }

            /// Sets the body to a form.
            #[cfg(feature = "form")]
            pub fn form<T: serde::Serialize + ?Sized>(self, form: &T) -> Self {
                self.map(|inner| inner.form(form))
            }

            /// Sets the body to JSON.
            #[cfg(feature = "json")]
            pub fn json<T: serde::Serialize + ?Sized>(self, json: &T) -> Self {
                self.map(|inner| inner.json(json))
            }

            /// Sets the body to a multipart form. It can be sent once only.
            #[cfg(feature = "multipart")]
            pub fn multipart(self, form: $multipart) -> Self {
                self.map(|inner| inner.multipart(form))
            }

            /// The request, not authorized yet: `execute` of the client does that.
            ///
            /// # Errors
            ///
            /// [`Error::Http`](crate::Error::Http) names what reqwest did not accept.
            pub fn build(self) -> Result<$request, crate::Error> {
                Ok(self.inner.build()?)
            }

            /// A copy, unless the body is a stream.
            #[must_use]
            pub fn try_clone(&self) -> Option<Self> {
                Some(Self {
                    authorizer: self.authorizer.clone(),
                    inner: self.inner.try_clone()?,
                    extensions: self.extensions.clone(),
                })
            }
        }

        impl std::fmt::Debug for RequestBuilder {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple("RequestBuilder").field(&self.inner).finish()
            }
        }
    };
}

pub(crate) use {request_builder, verbs};

//! The manual's page for those who come from the Python package, held against the list of everything that package documents: each
//! heading, parameter, variable, claim and method has its Rust form beside it, and the Rust form exists.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

/// A name of the Python package, the Rust form beside it, and the declaration that makes it true; none where the form is the
/// framework's own, or prose.
type Entry = (&'static str, &'static str, Option<&'static str>);

/// By the headings of the Python package's page.
const LIST: &[(&str, &[Entry])] = &[
    (
        "Installation",
        &[
            ("pip install rampart-python", "cargo add rampart-axum", None),
            ("poetry add rampart-python", "cargo add rampart-rocket", None),
            ("PyJWT[crypto]", "rampart-core", None),
            ("httpx", "rampart-core", None),
            ("RampartClient", "cargo add rampart-client", None),
        ],
    ),
    (
        "FastAPI / Quick start",
        &[
            ("from fastapi import FastAPI, Depends", "use axum::{Router, routing::get}", None),
            ("from rampart import RampartAuth, Claims", "use rampart_axum::{RampartAuth, RequireAuth}", None),
            (
                "from rampart import RampartAuth, Claims",
                "use rampart_rocket::{Rampart, RampartAuth, RequireAuth}",
                Some("pub struct Rampart {"),
            ),
            ("app = FastAPI()", "Router::new()", None),
            ("@app.get(\"/health\")", ".route(\"/health\", get(health))", None),
            (
                "RampartAuth(issuer_url=.., audience=..)",
                "RampartAuth::new(issuer_url, audience)?",
                Some("pub fn new(issuer_url"),
            ),
            ("@app.get(\"/api/profile\")", "#[get(\"/api/profile\")]", None),
            ("Depends(auth.require_auth)", "claims: RequireAuth", Some("pub struct RequireAuth<")),
            ("return {\"user_id\": claims.sub, ..}", "Json(json!({\"user_id\": claims.sub, ..}))", None),
        ],
    ),
    (
        "FastAPI / Configuration",
        &[
            ("issuer_url", "RampartAuth::builder(issuer_url, audience)", Some("pub fn builder(issuer_url")),
            ("audience", ".audiences([..])", Some("pub fn audiences<")),
            ("realm=\"default\"", ".realm(\"default\")", Some("pub fn realm(")),
            ("clock_tolerance=5", ".clock_tolerance(Duration::from_secs(5))", Some("pub fn clock_tolerance(")),
            ("jwks_cache_ttl=600", ".jwks_cache_ttl(Duration::from_secs(600))", Some("pub fn jwks_cache_ttl(")),
            ("required_claims=[\"email\"]", ".required_claims([\"email\"])", Some("pub fn required_claims<")),
        ],
    ),
    (
        "FastAPI / Configuration from environment",
        &[
            (
                "RampartAuth.from_env()",
                "RampartAuth::from_env()?",
                Some("pub fn from_env() -> Result<Self, ConfigError>"),
            ),
            ("RAMPART_URL", "RAMPART_URL", Some("\"RAMPART_URL\"")),
            ("RAMPART_CLIENT_ID", "RAMPART_CLIENT_ID", Some("\"RAMPART_CLIENT_ID\"")),
            ("RAMPART_REALM", "RAMPART_REALM", Some("\"RAMPART_REALM\"")),
        ],
    ),
    (
        "FastAPI / Dependency injection",
        &[
            ("Depends(auth.require_auth)", "claims: RequireAuth", Some("pub struct RequireAuth<")),
            ("Depends(auth.require_roles(\"admin\"))", "RequireAuth<Admin>", Some("macro_rules! roles ")),
            ("Depends(auth.require_scopes(\"email:send\"))", "RequireAuth<EmailSend>", Some("macro_rules! scopes ")),
            ("Depends(auth.optional_auth)", "OptionalAuth", Some("pub struct OptionalAuth<")),
            ("require_roles(\"admin\", \"operator\")", "roles!(Both = \"admin\", \"operator\")", None),
            ("require_scopes(\"email:read\", \"email:send\")", "scopes!(Email = \"email:read\", \"email:send\")", None),
            ("@app.get(\"/api/data\")", ".route(\"/api/data\", get(get_data))", None),
            (
                "@app.delete(\"/api/admin/users/{user_id}\")`, `user_id: str",
                ".route(\"/api/admin/users/{user_id}\", delete(delete_user))`, `Path(user_id): Path<String>",
                None,
            ),
            (
                "@app.delete(\"/api/admin/users/{user_id}\")`, `user_id: str",
                "#[delete(\"/api/admin/users/<user_id>\")]`, `user_id: &str",
                None,
            ),
            ("@app.post(\"/api/emails/send\")", "#[post(\"/api/emails/send\")]", None),
            ("Optional[Claims]", "OptionalAuth", None),
            ("None", "claims.as_ref()", None),
            ("if claims:", "match claims.as_ref()", None),
            ("HTTPException(401)", "AuthRejection", Some("pub struct AuthRejection")),
            ("HTTPException(403)", "AuthRejection", None),
        ],
    ),
    (
        "FastAPI / Claims object",
        &[
            ("claims.sub", "claims.sub", Some("pub sub: String,")),
            ("claims.email", "claims.email", Some("pub email: Option<String>,")),
            ("claims.name", "claims.name", Some("pub name: Option<String>,")),
            ("claims.roles", "claims.roles", Some("pub roles: Vec<String>,")),
            ("claims.scope", "claims.scope", Some("pub scope: String,")),
            ("claims.org_id", "claims.org_id", Some("pub org_id: Option<String>,")),
            ("claims.iss", "claims.iss", Some("pub iss: String,")),
            ("claims.aud", "claims.aud.contains(\"my-api\")", Some("pub aud: Audience,")),
            ("claims.exp", "claims.exp", Some("pub exp: ")),
            ("claims.iat", "claims.iat", Some("pub iat: ")),
            ("claims.has_role(\"admin\")", "claims.has_role(\"admin\")", Some("pub fn has_role(")),
            (
                "claims.has_any_role(\"admin\", \"editor\")",
                "claims.has_any_role(&[\"admin\", \"editor\"])",
                Some("pub fn has_any_role<"),
            ),
            ("claims.has_scope(\"email:send\")", "claims.has_scope(\"email:send\")", Some("pub fn has_scope(")),
            (
                "claims.has_all_scopes(\"a\", \"b\")",
                "claims.has_all_scopes(&[\"a\", \"b\"])",
                Some("pub fn has_all_scopes<"),
            ),
            ("preferred_username", "claims.preferred_username", Some("pub preferred_username: Option<String>,")),
            ("given_name", "claims.given_name", Some("pub given_name: Option<String>,")),
            ("family_name", "claims.family_name", Some("pub family_name: Option<String>,")),
            ("email_verified", "claims.email_verified", Some("pub email_verified: Option<bool>,")),
            ("no other claim", "claims.get::<String>(\"department\")?", Some("pub fn get<")),
            ("no whole payload", "claims.to_json()", Some("pub fn to_json(&self) -> serde_json::Value")),
        ],
    ),
    (
        "FastAPI / Full FastAPI example",
        &[
            ("FastAPI(title=\"Task API\")", "Router::new()", None),
            ("CORSMiddleware", "tower_http::cors::CorsLayer", None),
            ("allow_origins=", ".allow_origin(..)", None),
            ("allow_credentials=True", ".allow_credentials(true)", None),
            ("allow_methods=", ".allow_methods([..])", None),
            ("allow_headers=", ".allow_headers(", None),
            ("os.environ.get(\"RAMPART_URL\"", "RampartAuth::from_env()?", None),
            ("os.environ.get(\"RAMPART_CLIENT_ID\"", "RampartAuth::from_env()?", None),
            ("tasks: dict[str, list[dict]]", "State<Arc<Store>>", None),
            ("class TaskCreate(BaseModel)", "Json<T>", None),
            ("body: TaskCreate", "Json<T>", None),
            ("@app.get(\"/api/tasks\")", "get(tasks)", None),
            ("@app.post(\"/api/tasks\", status_code=201)", "StatusCode::CREATED", None),
            ("@app.post(\"/api/tasks\", status_code=201)", "#[post(\"/api/tasks\", data = \"<body>\")]", None),
            ("Depends(auth.require_scopes(\"tasks:write\"))", "RequireAuth<TasksWrite>", None),
            ("@app.get(\"/api/admin/tasks\")", "#[get(\"/api/admin/tasks\")]", None),
            ("@app.get(\"/api/admin/stats\")", "#[get(\"/api/admin/stats\")]", None),
            ("Depends(auth.require_roles(\"admin\"))", "admin.layer(auth.require_roles([\"admin\"]))", None),
            (
                "RAMPART_URL=.. RAMPART_CLIENT_ID=task-api uvicorn main:app --reload --port 8000",
                "RAMPART_URL=.. RAMPART_CLIENT_ID=task-api PORT=8000 cargo run --bin task-api-axum",
                None,
            ),
        ],
    ),
    (
        "Flask / Quick start",
        &[
            ("from rampart.flask import", "RampartAuthExt", Some("pub trait RampartAuthExt")),
            ("require_auth, require_roles, current_claims", "use rampart_axum::{", None),
            ("app = Flask(__name__)", "App::new()", None),
            ("@app.route(\"/health\")", "#[get(\"/health\")]", None),
            ("@app.route(\"/api/profile\")` above `@require_auth", "async fn profile(claims: RequireAuth)", None),
            ("RampartAuth(app, {", ".attach(Rampart::fairing(auth))", Some("pub const fn fairing(")),
            ("jsonify(user_id=..)", "Json(json!(", None),
        ],
    ),
    (
        "Flask / Configuration",
        &[
            ("RampartAuth(app)", "RampartAuth::from_settings(settings)?", Some("pub fn from_settings(")),
            ("app.config[\"RAMPART_ISSUER_URL\"]", "issuer_url", Some("issuer_url: Option<String> =>")),
            ("app.config[\"RAMPART_AUDIENCE\"]", "audience", Some("audience: Option<String> =>")),
            ("app.config[\"RAMPART_REALM\"]", "realm", Some("realm: Option<String> =>")),
            (
                "app.config[\"RAMPART_CLOCK_TOLERANCE\"]",
                "clock_tolerance_seconds",
                Some("rename = \"clock_tolerance_seconds\""),
            ),
            (
                "app.config[\"RAMPART_JWKS_CACHE_TTL\"]",
                "jwks_cache_ttl_seconds",
                Some("rename = \"jwks_cache_ttl_seconds\""),
            ),
        ],
    ),
    (
        "Flask / Decorators",
        &[
            ("@require_auth", ".layer(auth.require_auth())", Some("fn require_auth(&self)")),
            ("@require_roles(\"admin\")", ".wrap(auth.require_roles([\"admin\"]))", Some("fn require_roles<")),
            (
                "@require_scopes(\"email:send\")",
                ".layer(auth.require_scopes([\"email:send\"]))",
                Some("fn require_scopes<"),
            ),
            ("@optional_auth", ".layer(auth.optional_auth())", Some("fn optional_auth(&self)")),
            ("current_claims", "Extension<Arc<Claims>>", None),
            ("if current_claims:", "match claims.as_ref()", None),
            ("@app.route(\"/api/data\")", "#[get(\"/api/data\")]", None),
            (
                "@app.route(\"/api/admin/users/<user_id>\", methods=[\"DELETE\"])",
                ".route(\"/api/admin/users/{user_id}\", delete(delete_user))",
                None,
            ),
            (
                "@app.route(\"/api/admin/users/<user_id>\", methods=[\"DELETE\"])",
                "#[delete(\"/api/admin/users/{user_id}\")]",
                None,
            ),
            (
                "@app.route(\"/api/admin/users/<user_id>\", methods=[\"DELETE\"])",
                "#[delete(\"/api/admin/users/<user_id>\")]",
                None,
            ),
            (
                "def delete_user(user_id)",
                "async fn delete_user(_: RequireAuth<Admin>, Path(user_id): Path<String>)",
                None,
            ),
            ("def delete_user(user_id)", "async fn delete_user(_: RequireAuth<Admin>, user_id: Path<String>)", None),
            ("def delete_user(user_id)", "fn delete_user(_admin: RequireAuth<Admin>, user_id: &str)", None),
            ("@app.route(\"/api/emails/send\", methods=[\"POST\"])", "#[post(\"/api/emails/send\")]", None),
            ("@app.route(\"/api/feed\")", "#[get(\"/api/feed\")]", None),
        ],
    ),
    (
        "Flask / Full Flask example",
        &[
            (
                "app.config[\"RAMPART_ISSUER_URL\"] = os.environ.get(\"RAMPART_URL\"",
                "RampartAuth::from_env()?",
                Some("\"RAMPART_URL\""),
            ),
            (
                "app.config[\"RAMPART_ISSUER_URL\"] = os.environ.get(\"RAMPART_URL\"",
                "issuer_url",
                Some("issuer_url: Option<String> =>"),
            ),
            (
                "app.config[\"RAMPART_AUDIENCE\"] = os.environ.get(\"RAMPART_CLIENT_ID\"",
                "RampartAuth::from_env()?",
                Some("\"RAMPART_CLIENT_ID\""),
            ),
            (
                "app.config[\"RAMPART_AUDIENCE\"] = os.environ.get(\"RAMPART_CLIENT_ID\"",
                "audience",
                Some("audience: Option<String> =>"),
            ),
            ("auth = RampartAuth(app)", ".attach(Rampart::fairing(auth))", Some("pub const fn fairing(")),
            ("tasks: dict[str, list[dict]]", "State<Arc<Store>>", None),
            ("@app.route(\"/api/tasks\")", "#[get(\"/api/tasks\")]", None),
            ("@app.route(\"/api/tasks\", methods=[\"POST\"])", "#[post(\"/api/tasks\")]", None),
            ("request.get_json()", "Json<T>", None),
            ("data[\"title\"]", "a field of `T`", None),
            ("@app.route(\"/api/admin/stats\")", "#[get(\"/api/admin/stats\")]", None),
            ("jsonify(task), 201", "StatusCode::CREATED", None),
            ("app.run(port=8000, debug=True)", "axum::serve(listener, app).await?", None),
            (
                "RAMPART_URL=.. RAMPART_CLIENT_ID=task-api flask run --port 8000",
                "RAMPART_URL=.. RAMPART_CLIENT_ID=task-api PORT=8000 cargo run --bin task-api-axum",
                None,
            ),
            ("flask run --port 8000", "--bin task-api-rocket", None),
        ],
    ),
    (
        "Token verification details",
        &[
            ("Authorization: Bearer <token>", "V1", None),
            ("{issuer_url}/.well-known/jwks.json", ".jwks_url(..)", Some("pub fn jwks_url(")),
            ("signature", "V3 to V5", None),
            ("`iss`, `aud`, `exp`, `iat`", "V6b to V9", None),
            ("clock tolerance for `exp` and `nbf`", ".clock_tolerance(..)", None),
            ("required_claims", ".required_claims([..])", None),
            ("the decoded `Claims`", "RequireAuth", None),
            ("RS256, RS384, RS512, ES256, ES384, ES512", ".algorithms([..])", Some("pub fn algorithms(")),
        ],
    ),
    (
        "Custom error handling",
        &[
            (
                "from rampart import RampartAuthError, TokenExpiredError",
                "use rampart_axum::{AuthError, AuthRejection}",
                Some("pub enum AuthError"),
            ),
            ("from rampart.flask import RampartAuthError, TokenExpiredError", "the same", None),
            ("`RampartAuthError`", "`error()`", Some("pub fn error(&self) -> &")),
            ("isinstance(exc, TokenExpiredError)", "*rejection.error() == AuthError::TokenExpired", None),
            ("@app.exception_handler(RampartAuthError)", "map_response(..)", None),
            ("@app.exception_handler(RampartAuthError)", ".error_handler(..)", Some("pub fn error_handler(")),
            (
                "@app.exception_handler(RampartAuthError)",
                "AuthRejection::from_request",
                Some("pub fn from_request(request"),
            ),
            ("@app.errorhandler(RampartAuthError)", "the same", None),
            ("TokenExpiredError", "AuthError::TokenExpired", Some("TokenExpired,")),
            ("JSONResponse(status_code=401, content=..)", "InternalError::from_response(rejection, answer)", None),
            ("jsonify(error=.., message=..), 401", "the same", None),
        ],
    ),
    (
        "Client credentials flow",
        &[
            (
                "from rampart import RampartClient",
                "use rampart_client::RampartClient",
                Some("pub struct RampartClient("),
            ),
            (
                "RampartClient(issuer_url=.., client_id=.., client_secret=..)",
                "RampartClient::builder(issuer_url, client_id, client_secret)",
                Some("client_secret: impl Into<String>,"),
            ),
            ("os.environ[\"RAMPART_CLIENT_SECRET\"]", "RampartClient::from_env()?", Some("\"RAMPART_CLIENT_SECRET\"")),
            (
                "client_credentials_token(scopes=[\"users:read\"])",
                "client.client_credentials_token(&[\"users:read\"]).await?",
                Some("pub async fn client_credentials_token("),
            ),
            ("token.access_token", "token.access_token.expose()", Some("pub fn expose(&self)")),
            (
                "headers={\"Authorization\": f\"Bearer {token.access_token}\"}",
                "client.bearer(request",
                Some("pub async fn bearer("),
            ),
            ("httpx.AsyncClient()", ".redirect(redirects_within_origin())", Some("pub fn redirects_within_origin()")),
            ("http.get(\"https://api.internal/users\"", ".get(\"https://api.internal/users\")", None),
            ("caches tokens and refreshes them before expiry", "the same", None),
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The libraries' sources.
fn sources() -> String {
    fn read(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    for library in
        ["rampart-core", "rampart-core/http", "rampart-axum", "rampart-actix", "rampart-rocket", "rampart-client"]
    {
        read(&root().join(library).join("src"), &mut text);
    }
    text
}

/// A row of a table: where it stands, the heads of its columns, and its cells.
struct Row {
    heading: String,
    heads: Vec<String>,
    cells: Vec<String>,
}

fn cells(line: &str) -> Vec<String> {
    let line = line.strip_prefix('|').unwrap().trim_end().strip_suffix('|').unwrap();
    line.split(" | ").map(|cell| cell.trim().to_owned()).collect()
}

/// The rows of all tables of the page, code blocks apart.
fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("rampart-core/src/manual/coming_from_python.md")).unwrap();
    let (mut outer, mut heading, mut heads, mut rows) = (String::new(), String::new(), Vec::new(), Vec::new());
    for line in page.split("```").step_by(2).flat_map(str::lines) {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut outer);
            title.clone_into(&mut heading);
        } else if let Some(title) = line.strip_prefix("### ") {
            heading = format!("{outer} / {title}");
        } else if line.starts_with("|---") {
        } else if line.starts_with('|') && heads.is_empty() {
            heads = cells(line);
        } else if line.starts_with('|') {
            rows.push(Row { heading: heading.clone(), heads: heads.clone(), cells: cells(line) });
        } else {
            heads.clear();
        }
    }
    rows
}

#[test]
fn every_name_of_the_python_page_has_its_rust_form_beside_it() {
    let (rows, sources) = (rows(), sources());
    for (heading, entries) in LIST {
        let section: Vec<&Row> = rows.iter().filter(|row| row.heading == *heading).collect();
        assert!(!section.is_empty(), "nothing stands under the heading {heading:?}");
        for (python, rust, declaration) in *entries {
            let mut of_that_name = section.iter().filter(|row| row.cells[0].contains(python)).peekable();
            assert!(of_that_name.peek().is_some(), "{heading}: nothing says what {python} is in Rust");
            let beside = of_that_name.any(|row| row.cells[1..].iter().any(|cell| cell.contains(rust)));
            assert!(beside, "{heading}: {rust} does not stand beside {python}");
            if let Some(declaration) = declaration {
                assert!(
                    sources.contains(declaration),
                    "{heading}: {rust} stands there, but no library has {declaration:?}"
                );
            }
        }
    }
}

#[test]
fn every_column_is_filled_but_the_one_that_says_what_differs() {
    for row in rows() {
        assert_eq!(row.cells.len(), row.heads.len(), "{}: {:?}", row.heading, row.cells);
        for (head, cell) in row.heads.iter().zip(&row.cells) {
            assert!(head == "differs" || !cell.is_empty(), "{}: {} has nothing for {head}", row.heading, row.cells[0]);
        }
    }
}

#[test]
fn what_is_not_the_same_says_why() {
    let rows = rows();
    for (heading, name) in [
        ("FastAPI / Configuration", "issuer_url"),
        ("FastAPI / Configuration", "audience"),
        ("FastAPI / Configuration", "realm"),
        ("FastAPI / Configuration", "clock_tolerance"),
        ("FastAPI / Configuration", "jwks_cache_ttl"),
        ("FastAPI / Configuration", "required_claims"),
        ("FastAPI / Configuration from environment", "RampartAuth.from_env()"),
        ("FastAPI / Claims object", "claims.name"),
        ("FastAPI / Claims object", "claims.scope"),
        ("FastAPI / Claims object", "claims.aud"),
        ("FastAPI / Claims object", "has_all_scopes"),
        ("FastAPI / Claims object", "preferred_username"),
        ("FastAPI / Claims object", "email_verified"),
        ("Flask / Configuration", "RampartAuth(app)"),
        ("Flask / Configuration", "RAMPART_REALM"),
        ("Token verification details", "jwks.json"),
        ("Token verification details", "`iss`, `aud`"),
        ("Token verification details", "clock tolerance"),
        ("Token verification details", "ES512"),
        ("Client credentials flow", "token.access_token`"),
    ] {
        let row = rows.iter().find(|row| row.heading == heading && row.cells[0].contains(name));
        let row = row.unwrap_or_else(|| panic!("{heading}: no row for {name}"));
        assert_eq!(row.heads.last().unwrap(), "differs", "{heading}");
        assert!(!row.cells.last().unwrap().is_empty(), "{heading}: nothing says how {name} differs");
    }
}

//! Tasks in memory, and the answers about them.

use parking_lot::Mutex;
use rampart_core::Claims;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const MAX_TASKS: usize = 1000;
const MAX_TEXT: usize = 1000;

/// What to send: the status, and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string() }
    }

    pub(crate) fn problem(status: u16, error: &str, description: &str) -> Self {
        Self::new(status, &json!({"error": error, "error_description": description, "status": status}))
    }
}

#[derive(Clone, Debug, Serialize)]
struct Task {
    id: u64,
    title: String,
    completed: bool,
    owner: String,
}

#[derive(Deserialize)]
struct NewTask {
    title: String,
}

#[derive(Deserialize)]
struct Email {
    to: String,
    subject: String,
    #[serde(default)]
    body: String,
}

#[derive(Debug)]
struct Tasks {
    last_id: u64,
    all: Vec<Task>,
}

/// The tasks of all users.
#[derive(Debug)]
pub struct Store(Mutex<Tasks>);

impl Default for Store {
    fn default() -> Self {
        let task = |id, title: &str| Task { id, title: title.into(), completed: false, owner: "system".into() };
        Self(Mutex::new(Tasks { last_id: 2, all: vec![task(1, "Read the documentation"), task(2, "Protect an API")] }))
    }
}

impl Store {
    /// `GET /health`
    pub fn health() -> Answer {
        Answer::new(200, &json!({"status": "ok"}))
    }

    /// `GET /api/profile`
    pub fn profile(user: &Claims) -> Answer {
        Answer::new(200, &json!({"user_id": user.sub, "email": user.email, "roles": user.roles}))
    }

    /// `GET /api/tasks`: the user's own, and those that everybody has.
    pub fn tasks(&self, user: &Claims) -> Answer {
        let tasks = self.0.lock();
        let visible: Vec<_> =
            tasks.all.iter().filter(|task| task.owner == user.sub || task.owner == "system").collect();
        Answer::new(200, &json!({"user_id": user.sub, "tasks": visible}))
    }

    /// `POST /api/tasks` with `{"title": ".."}`
    pub fn create(&self, user: &Claims, body: &[u8]) -> Answer {
        let Ok(NewTask { title }) = serde_json::from_slice(body) else {
            return Answer::problem(400, "invalid_request", "The body must be JSON: {\"title\": \"..\"}");
        };
        if title.trim().is_empty() || title.len() > MAX_TEXT {
            return Answer::problem(422, "invalid_request", "title must have 1 to 1000 bytes");
        }
        let mut tasks = self.0.lock();
        if tasks.all.len() >= MAX_TASKS {
            return Answer::problem(409, "conflict", "There are too many tasks; delete some first");
        }
        tasks.last_id += 1;
        let task = Task { id: tasks.last_id, title, completed: false, owner: user.sub.clone() };
        let answer = Answer::new(201, &json!(task));
        tasks.all.push(task);
        answer
    }

    /// `GET /api/admin/tasks`
    pub fn all_tasks(&self) -> Answer {
        Answer::new(200, &json!({"tasks": self.0.lock().all}))
    }

    /// `GET /api/admin/stats`
    pub fn stats(&self) -> Answer {
        let tasks = self.0.lock();
        let mut owners: Vec<_> = tasks.all.iter().map(|task| &task.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        let completed = tasks.all.iter().filter(|task| task.completed).count();
        Answer::new(200, &json!({"total_tasks": tasks.all.len(), "completed_tasks": completed, "owners": owners.len()}))
    }

    /// `DELETE /api/admin/users/{user_id}`
    pub fn delete_user(&self, admin: &Claims, user_id: &str) -> Answer {
        let mut tasks = self.0.lock();
        let before = tasks.all.len();
        tasks.all.retain(|task| task.owner != user_id);
        let removed = before - tasks.all.len();
        Answer::new(200, &json!({"deleted": user_id, "tasks_removed": removed, "deleted_by": admin.sub}))
    }

    /// `POST /api/emails/send` with `{"to": "..", "subject": "..", "body": ".."}`
    pub fn send_email(user: &Claims, body: &[u8]) -> Answer {
        let Ok(Email { to, subject, body }) = serde_json::from_slice(body) else {
            return Answer::problem(
                400,
                "invalid_request",
                "The body must be JSON: {\"to\": \"..\", \"subject\": \"..\", \"body\": \"..\"}",
            );
        };
        if !to.contains('@') || [&to, &subject, &body].iter().any(|text| text.len() > MAX_TEXT) {
            return Answer::problem(
                422,
                "invalid_request",
                "to must be an address, and every text have at most 1000 bytes",
            );
        }
        Answer::new(202, &json!({"status": "queued", "to": to, "subject": subject, "sent_by": user.sub}))
    }

    /// `GET /api/feed`
    pub fn feed(user: Option<&Claims>) -> Answer {
        match user {
            Some(user) => Answer::new(200, &json!({"feed": "personalized", "user_id": user.sub})),
            None => Answer::new(200, &json!({"feed": "public"})),
        }
    }
}

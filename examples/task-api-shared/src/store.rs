//! Tasks in memory, and the answers about them.

use parking_lot::Mutex;
use rampart_core::Claims;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Answer;

const MAX_TASKS: usize = 1000;
const MAX_TITLE: usize = 1000;

#[derive(Debug, Serialize)]
struct Task {
    id: String,
    title: String,
    assignee: String,
}

/// The tasks of each user who has some, in the order of their first ones.
#[derive(Debug, Default)]
pub struct Store(Mutex<Vec<(String, Vec<Task>)>>);

impl Store {
    /// `GET /health`
    pub fn health() -> Answer {
        Answer::new(200, &json!({"status": "ok"}))
    }

    /// `GET /api/profile`
    pub fn profile(user: &Claims) -> Answer {
        Answer::new(200, &json!({"user_id": user.sub, "email": user.email, "roles": user.roles}))
    }

    /// `GET /api/data`
    pub fn data(user: &Claims) -> Answer {
        Answer::new(200, &json!({"user": user.sub}))
    }

    /// `GET /api/tasks`: the user's own.
    pub fn tasks(&self, user: &Claims) -> Answer {
        let all = self.0.lock();
        let own = all.iter().find(|(sub, _)| *sub == user.sub);
        Answer::new(200, &json!({"tasks": own.map_or(&[][..], |(_, tasks)| tasks)}))
    }

    /// `POST /api/tasks` with `{"title": ".."}`
    pub fn create(&self, user: &Claims, body: &[u8]) -> Answer {
        let Ok(body) = serde_json::from_slice::<Map<String, Value>>(body) else {
            return Answer::problem(400, "invalid_request", "The body must be JSON: {\"title\": \"..\"}");
        };
        let title = body.get("title").and_then(Value::as_str).unwrap_or_default();
        if title.trim().is_empty() || title.len() > MAX_TITLE {
            return Answer::problem(422, "invalid_request", "title must be a text of 1 to 1000 bytes");
        }
        let mut all = self.0.lock();
        if total(&all) >= MAX_TASKS {
            return Answer::problem(409, "conflict", "There are too many tasks; delete those of a user first");
        }
        let own = all.iter_mut().find(|(sub, _)| *sub == user.sub).map(|(_, tasks)| tasks);
        let id = own.as_ref().map_or(0, |tasks| tasks.len()) + 1;
        let task = Task { id: id.to_string(), title: title.to_owned(), assignee: user.sub.clone() };
        let answer = Answer::new(201, &json!(task));
        match own {
            Some(tasks) => tasks.push(task),
            None => all.push((user.sub.clone(), vec![task])),
        }
        answer
    }

    /// `GET /api/admin/tasks`
    pub fn all_tasks(&self) -> Answer {
        let all = self.0.lock();
        let tasks: Vec<_> = all.iter().flat_map(|(_, own)| own).collect();
        Answer::new(200, &json!({"tasks": tasks, "total": tasks.len()}))
    }

    /// `GET /api/admin/stats`
    pub fn stats(&self) -> Answer {
        let all = self.0.lock();
        Answer::new(200, &json!({"total_users": all.len(), "total_tasks": total(&all)}))
    }

    /// `DELETE /api/admin/users/{user_id}`: the user's tasks go; one who has none is as good as deleted.
    pub fn delete_user(&self, user_id: &str) -> Answer {
        // What stands in a path for bytes that are no UTF-8, where the framework has not refused them: nobody's ID.
        if user_id.contains(char::REPLACEMENT_CHARACTER) {
            return Answer::unhandled(400);
        }
        self.0.lock().retain(|(sub, _)| sub != user_id);
        Answer::new(200, &json!({"deleted": user_id}))
    }

    /// `POST /api/emails/send`, which sends nothing.
    pub fn send_email() -> Answer {
        Answer::new(200, &json!({"sent": true}))
    }

    /// `GET /api/feed`
    pub fn feed(user: Option<&Claims>) -> Answer {
        match user {
            Some(user) => Answer::new(200, &json!({"feed": "personalized", "user": user.sub})),
            None => Answer::new(200, &json!({"feed": "public"})),
        }
    }
}

fn total(all: &[(String, Vec<Task>)]) -> usize {
    all.iter().map(|(_, own)| own.len()).sum()
}

// The one script that pages link. What it imports, it holds when it is sent.
import "./app.js";
import "./keys.js";

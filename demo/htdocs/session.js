// The age of the session, and the answer of the handler behind "Sign out everywhere".

const began = document.getElementById("began");
const everywhere = document.getElementById("everywhere");
const refused = document.getElementById("refused");

const start = new Date(Number(began.dataset.began) * 1000);

function showAge() {
    const seconds = Math.max(0, Math.floor((Date.now() - start) / 1000));
    const age = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
    began.textContent = `${start.toLocaleTimeString()}, ${age} ago`;
}

// The handler answers 204, which leaves a browser on the page that it has.
async function signOutEverywhere(event) {
    event.preventDefault();
    refused.hidden = true;
    try {
        const answer = await fetch(everywhere.action, { method: "POST" });
        if (answer.status === 204) {
            location.assign(everywhere.dataset.then);
            return;
        }
        refused.textContent = `The server answers ${answer.status}. No session has ended: reload this page.`;
    } catch {
        refused.textContent = "The server does not answer.";
    }
    refused.hidden = false;
}

showAge();
setInterval(showAge, 1000);
everywhere.addEventListener("submit", signOutEverywhere);

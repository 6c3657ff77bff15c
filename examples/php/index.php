<?php
// An app behind Gatepost, with nothing but PHP.

// $user is the user that the gate's headers name, or null. The gate sends all of these headers or none, and no
// client can send them.
$user = null;
if (isset($_SERVER['HTTP_X_AUTH_USER'])) {
    $user = [
        'id' => $_SERVER['HTTP_X_AUTH_USER'],
        'name' => rawurldecode($_SERVER['HTTP_X_AUTH_NAME'] ?: $_SERVER['HTTP_X_AUTH_EMAIL']),
        'roles' => explode(',', $_SERVER['HTTP_X_AUTH_ROLES']),
    ];
}

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/dashboard' && !$user) { // only where GATEPOST_PROTECT does not name this page
    header('Location: /login?next=/dashboard', true, 303);
    exit;
}
if ($path !== '/' && $path !== '/dashboard') {
    http_response_code(404);
    exit('Not found');
}
header('Content-Type: text/html; charset=utf-8');
?>
<!doctype html>
<title>An app behind Gatepost</title>
<?php if ($path === '/dashboard'): ?>
<h1>Hello, <?= htmlspecialchars($user['name']) ?></h1>
<p>Your roles: <?= htmlspecialchars(implode(', ', $user['roles'])) ?></p>
<p><a href="/">Home</a></p>
<?php else: ?>
<h1>Hello</h1>
<p><a href="/dashboard">Dashboard</a></p>
<?php endif ?>
<?php if ($user): ?>
<p>Signed in as <bdi><?= htmlspecialchars($user['name']) ?></bdi> · <a href="/account">Account</a></p>
<form method="post" action="/logout"><button>Log out</button></form>
<?php else: ?>
<p><a href="/login">Log in</a></p>
<?php endif ?>

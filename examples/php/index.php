<?php
// An app behind Gatepost: php -S 127.0.0.1:3000 index.php
header('Content-Type: text/html; charset=utf-8');
echo '<!doctype html>';
if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) !== '/dashboard') {
    exit('<h1>Hello</h1><a href=/dashboard>Dashboard</a>');
}
$name = rawurldecode($_SERVER['HTTP_X_AUTH_NAME'] ?: $_SERVER['HTTP_X_AUTH_EMAIL']);
echo '<h1>Welcome back, ', htmlspecialchars($name), '</h1><a href=/account>Account</a>';

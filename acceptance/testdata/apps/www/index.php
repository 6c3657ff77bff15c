<?php
// A PHP app that serves its dashboard under every reading a PHP app may have of a path, and else says what it was told.
header('Content-Type: text/plain');
$uri = $_SERVER['REQUEST_URI'];
$readings = [
    $_SERVER['PATH_INFO'] ?? '/',
    $_SERVER['PHP_SELF'],
    explode('?', $uri)[0],
    urldecode(explode('?', $uri)[0]),
    parse_url($uri, PHP_URL_PATH) ?: '/',
    urldecode(parse_url($uri, PHP_URL_PATH) ?: '/'),
    preg_replace('~/+~', '/', rawurldecode(explode('?', $uri)[0])),
];
$found ??= false;
foreach ($readings as $reading) {
    $found = $found || str_starts_with(strtolower($reading) . '/', '/dashboard/');
}
echo $found ? "the dashboard\n" : "home\n";
foreach ($_SERVER as $name => $value) {
    if (str_starts_with($name, 'HTTP_') || $name === 'REMOTE_USER') {
        echo "$name=$value\n";
    }
}

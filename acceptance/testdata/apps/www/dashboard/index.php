<?php
// The dashboard as a file of its own, as PHP serves it without asking any router.
$found = true;
require __DIR__ . '/../index.php';

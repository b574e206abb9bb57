<?php
// Counts the words of the request's body.
$words = str_word_count(file_get_contents('php://input'));
echo json_encode(['php' => PHP_VERSION, 'method' => $_SERVER['REQUEST_METHOD'], 'words' => $words]);

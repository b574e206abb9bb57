# Counts the words of its input.
puts %({"ruby":"#{RUBY_VERSION}","words":#{$stdin.read.split.size}})

(component
  (import "wasi:sockets/types@0.3.0-rc-2025-09-16" (instance))
)

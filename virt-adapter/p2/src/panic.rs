//! What happens when the code panics, which it does not.

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    crate::memory::trap()
}

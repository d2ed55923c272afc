/* Stands in for Phichat where none can be built for Windows: says what it was given, or opens a window until closed. */

#include <stdio.h>
#include <windows.h>

static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM first, LPARAM second)
{
    if (message == WM_DESTROY)
        PostQuitMessage(0);
    return DefWindowProcW(window, message, first, second);
}

static int stay_open(void)
{
    WNDCLASSW kind = {.lpfnWndProc = on_message, .lpszClassName = L"stand-in"};
    MSG message;

    RegisterClassW(&kind);
    CreateWindowW(kind.lpszClassName, L"Phichat", WS_OVERLAPPEDWINDOW | WS_VISIBLE, 0, 0, 300, 200, 0, 0, 0, 0);
    while (GetMessageW(&message, 0, 0, 0) > 0)
        DispatchMessageW(&message);
    return 0;
}

int main(int count, char **words)
{
    if (count < 2)
        return stay_open();
    for (int at = 1; at < count; at++)
        printf("%s\n", words[at]);
    return 0;
}

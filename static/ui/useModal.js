import { useLayoutEffect, useRef } from "preact/hooks";

/** A ref for a `<dialog>` that opens as a modal when it is first rendered. */
export function useModal() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return dialog;
}

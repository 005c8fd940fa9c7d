/** Building elements. Text is set as text, always: nothing here takes markup. */

type Children = readonly (Node | string)[];

export interface Props {
  readonly class?: string;
  readonly text?: string;
  /** The name by which the browser test finds the element. */
  readonly testid?: string;
  readonly onclick?: (event: MouseEvent) => void;
  /** Any other attribute; `true` sets it empty, `false` leaves it out. */
  readonly attrs?: Readonly<Record<string, string | number | boolean>>;
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Children
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (props.class) element.className = props.class;
  if (props.text !== undefined) element.textContent = props.text;
  if (props.testid) element.dataset["testid"] = props.testid;
  if (props.onclick) element.addEventListener("click", props.onclick as EventListener);
  for (const [name, value] of Object.entries(props.attrs ?? {})) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

export function button(label: string, props: Props & { readonly kind?: "primary" | "quiet" } = {}): HTMLButtonElement {
  const { kind, class: extra = "", attrs, ...rest } = props;
  const kindClass = kind ? ` button-${kind}` : "";
  return h("button", {
    ...rest,
    text: label,
    class: `button${kindClass} ${extra}`.trim(),
    attrs: { type: "button", ...attrs },
  });
}

/** A labelled control. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  const caption = h("span", { class: "field-label", text: label });
  const children: Node[] = hint
    ? [caption, control, h("span", { class: "field-hint", text: hint })]
    : [caption, control];
  return h("label", { class: "field" }, ...children);
}

/** A person's name, of which a long one is cut; that it is the reader's own is never cut. */
export function nameTag(name: string, remark = ""): HTMLElement {
  return h(
    "span",
    { class: "name" },
    h("span", { class: "name-text", text: name }),
    h("span", { text: remark && ` (${remark})` }),
  );
}

/** Writes only what differs, so that screen readers and selections are left alone. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Copies text, and says so on the button for a moment. */
export async function copy(text: string, from: HTMLButtonElement): Promise<void> {
  const label = from.textContent ?? "";
  const done = await navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  );
  from.textContent = done ? "Copied" : "Copy it by hand";
  setTimeout(() => (from.textContent = label), 1_600);
}

/** Gives the person a file to keep. */
export function save(filename: string, json: string): void {
  const url = URL.createObjectURL(new Blob([json], { type: "application/json" }));
  h("a", { attrs: { href: url, download: filename } }).click();
  // The download has its own hold on the file once it began, which is not told.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

type Listener = (...args: any[]) => void;

/** Calls listeners by the names of events. */
export class Emitter {
  private readonly listeners = new Map<string, Listener[]>();

  on(event: string, listener: Listener): this {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
    return this;
  }

  removeListener(event: string, listener: Listener): this {
    const list = [...(this.listeners.get(event) ?? [])];
    const at = list.lastIndexOf(listener);
    if (at >= 0) list.splice(at, 1);
    this.listeners.set(event, list);
    return this;
  }

  /** Calls all listeners. What one of them throws is the program's, and keeps the event from none of the others. */
  emit(event: string, ...args: unknown[]): void {
    for (const listener of this.listeners.get(event) ?? []) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

// Names of topics by the ids that newer calls carry instead (KIP-516), learnt from metadata responses on any connection: the ids
// are unique. Bounded: the oldest go.

const maxTopics = 4096

export class TopicNames {
  private readonly names = new Map<string, string>()

  learn(id: string, name: string): void {
    if (name === "" || this.names.get(id) === name) return
    if (this.names.size >= maxTopics) {
      const oldest = this.names.keys().next()
      if (oldest.done !== true) this.names.delete(oldest.value)
    }
    this.names.set(id, name)
  }

  /** The name of a topic, or its id while no metadata named it. */
  nameOf(id: string): string {
    return this.names.get(id) ?? id
  }
}

import { MAX_NAME_COMPARISONS, MAX_PATH_STEPS, MAX_SIGNATURE_CHECKS } from '../limits.ts';

/** What the search for one path may cost, whatever was presented. Each method says whether there is that much left. */
export class SearchBudget {
  #signatureChecks: number = MAX_SIGNATURE_CHECKS;
  #steps: number = MAX_PATH_STEPS;
  #comparisons: number = MAX_NAME_COMPARISONS;

  spendSignatureCheck(): boolean {
    return this.#signatureChecks-- > 0;
  }

  /** One link between two certificates. */
  spendStep(): boolean {
    return this.#steps-- > 0;
  }

  /** @param count pairs of a name and a constraint */
  spendComparisons(count: number): boolean {
    this.#comparisons -= count;
    return this.#comparisons >= 0;
  }
}

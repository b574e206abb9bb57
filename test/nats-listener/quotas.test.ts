import test from 'ava';
import { Quotas } from '../../src/nats-listener/quotas.ts';

test('Quotas has so many subscriptions, and of these so many that listen in', (t) => {
  const quotas = new Quotas({ subscriptionsMax: 3, listeningMax: 1, pendingMaxBytes: 1 });
  t.true(quotas.takeSubscription(true));
  t.false(quotas.takeSubscription(true));
  t.true(quotas.takeSubscription(false));
  t.true(quotas.takeSubscription(false));
  t.false(quotas.takeSubscription(false));
  quotas.freeSubscription(false);
  t.false(quotas.takeSubscription(true));
  quotas.freeSubscription(true);
  t.true(quotas.takeSubscription(true));
  t.true(quotas.takeSubscription(false));
  t.false(quotas.takeSubscription(false));
});

test('Quotas cuts off who holds the most when all together hold too much', (t) => {
  const quotas = new Quotas({ subscriptionsMax: 1, listeningMax: 1, pendingMaxBytes: 100 });
  const cut: string[] = [];
  const holder = (name: string) => {
    const own = {
      cutOff() {
        cut.push(name);
        quotas.hold(own, 0);
      },
    };
    return own;
  };
  const [a, b, c] = [holder('a'), holder('b'), holder('c')];
  quotas.hold(a, 40);
  quotas.hold(b, 60);
  t.deepEqual(cut, []);
  quotas.hold(c, 1);
  t.deepEqual(cut, ['b']);
  quotas.hold(a, 20);
  quotas.hold(c, 80);
  t.deepEqual(cut, ['b']);
  quotas.hold(c, 81);
  t.deepEqual(cut, ['b', 'c']);
});

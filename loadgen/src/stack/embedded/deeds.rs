//! What can be done to an embedded stack while load goes through it.

use std::sync::Arc;

use super::member::Member;
use super::{Embedded, Slot, child};
use crate::model::{Deed, Whom};
use crate::stack::StackError;

impl Embedded {
    /// Carries out a deed; one that lasts is only begun.
    pub(in crate::stack) async fn carry_out(&self, deed: &Deed) -> Result<(), StackError> {
        let starter = &self.starter;
        match deed {
            Deed::Kill(whom) => self.member(whom)?.crash(starter).await,
            Deed::Stop(whom) => self.member(whom)?.stop(starter).await,
            Deed::Start(whom) => self.member(whom)?.start(starter).await,
            Deed::Pause(whom) => self.member(whom)?.pause(starter).await,
            Deed::Scale { group, replicas } => self.scale(group, *replicas as usize).await,
            Deed::RollingRestart { group } => {
                for slot in self.slots_of(group) {
                    slot.member.restart(starter).await?;
                }
                Ok(())
            }
            Deed::KillProxy => self.proxy.crash(starter).await,
            Deed::Throttle(..) | Deed::Disconnect(_) | Deed::ReloadProxy | Deed::Exec(_) => {
                Err(StackError::Event {
                    whom: deed.whom(),
                    reason: format!("an embedded stack cannot {}", deed.verb()),
                })
            }
        }
    }

    /// Ends a deed that lasts.
    pub(in crate::stack) async fn undo(&self, deed: &Deed) -> Result<(), StackError> {
        match deed {
            Deed::Pause(whom) => self.member(whom)?.go_on(&self.starter).await,
            Deed::Stop(whom) => self.member(whom)?.start(&self.starter).await,
            _ => Ok(()),
        }
    }

    /// Lets every replica and the proxy run, whatever was done to them.
    pub(in crate::stack) async fn mend(&self) -> Result<(), StackError> {
        for slot in self.slots() {
            slot.member.mend(&self.starter).await?;
        }
        self.proxy.mend(&self.starter).await
    }

    /// Gives every group as many replicas as it began with.
    pub(in crate::stack) async fn restore(&self) -> Result<(), StackError> {
        for group in &self.groups {
            self.scale(group, self.began_with).await?;
        }
        Ok(())
    }

    fn member(&self, whom: &Whom) -> Result<Arc<Slot>, StackError> {
        let number = whom.number.unwrap_or(1) as usize;
        let slots = self.slots_of(&whom.group);
        let slot = slots.into_iter().nth(number.saturating_sub(1));
        slot.ok_or_else(|| StackError::Event {
            whom: whom.to_string(),
            reason: "there is no such replica".to_owned(),
        })
    }

    async fn scale(&self, group: &str, replicas: usize) -> Result<(), StackError> {
        let slots = self.slots_of(group);
        for slot in slots.iter().skip(replicas) {
            self.proxy_forgets(slot).await?;
            self.forget(slot);
            slot.member.stop(&self.starter).await?;
        }
        for number in slots.len()..replicas {
            let spec = self.spec_of(group, number + 1)?;
            let flags = spec.flags();
            let member = Member::new(child::REPLICA, format!("replica {}", spec.id), flags, 1)?;
            let slot = Arc::new(Slot { spec, member });
            slot.member.start(&self.starter).await?;
            self.remember(Arc::clone(&slot));
            self.proxy_learns(&slot).await?;
        }
        Ok(())
    }

    async fn proxy_learns(&self, slot: &Slot) -> Result<(), StackError> {
        let peer = slot.peer();
        let flag = format!("--peer={peer}");
        self.proxy.change_flags(|flags| flags.push(flag));
        self.proxy.tell(&format!("peer {peer}")).await
    }

    async fn proxy_forgets(&self, slot: &Slot) -> Result<(), StackError> {
        let peer = slot.peer();
        let flag = format!("--peer={peer}");
        self.proxy
            .change_flags(|flags| flags.retain(|one| *one != flag));
        self.proxy.tell(&format!("gone {peer}")).await
    }
}

impl std::ops::Deref for Slot {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}
